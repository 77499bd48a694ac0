import { type KernelRun, KernelWorkload } from './kernel-workload.ts'

const ROUNDS = 9

/** Where the kernels run: each call does the work once, and is timed from outside. */
export interface KernelBench {
  /** A plain read of the weight memory; resolves to its bytes. */
  read(): Promise<number>
  run(run: KernelRun): Promise<void>
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/**
 * Gigaweights a second of the matrix kernel at 10496 x 2560 streamed from memory, and its share of a plain read of the same
 * memory; and of a few of its rows from the cache, which tells whether memory or the processor bounds it: the best of rounds in
 * which everything stands side by side, since a busy machine hardly changes that.
 */
export async function measureKernels(bench: KernelBench): Promise<Record<string, Record<string, number>>> {
  const table: Record<string, Record<string, number>> = {}
  const bytes = await bench.read()
  for (const planes of [2, 3, 4]) {
    for (const groupSize of [32, 64, 128]) {
      const speed = async (columns: number, from: KernelRun['from'] = 'memory') => {
        const repeats = (columns === 1 ? 20 : Math.ceil(24 / columns)) * (from === 'cache' ? 40 : 1)
        const run = { planes, groupSize, hasMin: false, columns, repeats, from }
        return KernelWorkload.weights(run) / (await seconds(() => bench.run(run))) / 1e9
      }
      const rounds: { roofline: number; one: number; cached: number; eight: number; thirtyTwo: number }[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const roofline = bytes / (await seconds(() => bench.read())) / 1e9
        rounds.push({
          roofline,
          one: await speed(1),
          cached: await speed(1, 'cache'),
          eight: await speed(8),
          thirtyTwo: await speed(32),
        })
      }
      const bytesPerWeight = planes / 8 + 2 / groupSize
      const most = (value: (round: (typeof rounds)[0]) => number) => Math.max(...rounds.map(value))
      const [roofline, one] = [most((round) => round.roofline), most((round) => round.one)]
      const [eight, thirtyTwo] = [most((round) => round.eight), most((round) => round.thirtyTwo)]
      const cell = (value: number) => Number(value.toFixed(2))
      table[`${planes} planes, groups of ${groupSize}`] = {
        'read GB/s': cell(roofline),
        'Gweights/s': cell(one),
        'from cache': cell(most((round) => round.cached)),
        'share of read': cell((one * bytesPerWeight) / roofline),
        '8 columns': cell(eight),
        'x one': cell(eight / one),
        '32 columns': cell(thirtyTwo),
        'x one ': cell(thirtyTwo / one),
      }
    }
  }
  return table
}

import { median } from '../support/median.ts'
import { type KernelRun, KernelWorkload } from './kernel-workload.ts'

const ROUNDS = 5

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
 * memory: medians of rounds in which everything stands side by side.
 */
export async function measureKernels(bench: KernelBench): Promise<Record<string, Record<string, number>>> {
  const table: Record<string, Record<string, number>> = {}
  const bytes = await bench.read()
  for (const planes of [2, 3, 4]) {
    for (const groupSize of [32, 64, 128]) {
      const speed = async (columns: number) => {
        const run = { planes, groupSize, hasMin: false, columns, repeats: columns === 1 ? 20 : Math.ceil(24 / columns) }
        return KernelWorkload.weights(run) / (await seconds(() => bench.run(run))) / 1e9
      }
      const rounds: { roofline: number; one: number; eight: number; thirtyTwo: number }[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const roofline = bytes / (await seconds(() => bench.read())) / 1e9
        rounds.push({ roofline, one: await speed(1), eight: await speed(8), thirtyTwo: await speed(32) })
      }
      const bytesPerWeight = planes / 8 + 2 / groupSize
      const middle = (value: (round: (typeof rounds)[0]) => number) => Number(median(rounds.map(value)).toFixed(2))
      table[`${planes} planes, groups of ${groupSize}`] = {
        'read GB/s': middle((round) => round.roofline),
        'Gweights/s': middle((round) => round.one),
        'share of read': middle((round) => (round.one * bytesPerWeight) / round.roofline),
        '8 columns': middle((round) => round.eight),
        'x one': middle((round) => round.eight / round.one),
        '32 columns': middle((round) => round.thirtyTwo),
        'x one ': middle((round) => round.thirtyTwo / round.one),
      }
    }
  }
  return table
}

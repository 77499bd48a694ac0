// Tokens a second of some packs, each in a workerd of its own, in turn.
//
//   npm exec -- node bench/quantization/speed.ts PACK… [--rounds 5]
import { basename } from 'node:path'
import { Command } from 'commander'
import { wholeNumber } from '../../src/cli/whole-number.ts'
import { tokenBytes } from '../full/edge.ts'
import { post } from '../full/post.ts'
import { decodeSpeed, promptOf, seconds } from '../full/speed.ts'
import { spread } from '../full/spread.ts'
import { bundleFullWorker, type FullWorker, startFullWorker } from '../full/start.ts'
import { buildReadKernel } from '../support/build.ts'

const CONTEXT = 128
const PREFILLED = 256

const program = new Command()
  .argument('<packs...>')
  .option('--rounds <n>', 'the first one, which warms up, not counted', wholeNumber, 5)
  .parse()
const { rounds } = program.opts<{ rounds: number }>()

await buildReadKernel()
const bundle = await bundleFullWorker()
const workers = new Map<string, FullWorker>()
try {
  for (const pack of program.args) {
    workers.set(pack, await startFullWorker(bundle, pack))
    await post(workers.get(pack)!, '/load', { contextLength: CONTEXT + PREFILLED })
  }
  const speeds = new Map(program.args.map((pack) => [pack, { decode: [] as number[], prefill: [] as number[] }]))
  for (let round = 0; round <= rounds; round++) {
    for (const [pack, worker] of workers) {
      const prefill = PREFILLED / (await seconds(() => post(worker, '/prefill', promptOf(PREFILLED))))
      const decode = await decodeSpeed(worker, { context: CONTEXT })
      if (round === 0) continue
      speeds.get(pack)!.decode.push(decode)
      speeds.get(pack)!.prefill.push(prefill)
    }
  }
  const rows = [...speeds].map(async ([pack, { decode, prefill }]) => [
    basename(pack),
    {
      'MB a token': ((await tokenBytes(pack)) / 1e6).toFixed(0),
      'decode, tokens/s': spread(decode, 1),
      'prefill, tokens/s': spread(prefill, 1),
    },
  ])
  console.table(Object.fromEntries(await Promise.all(rows)))
} finally {
  for (const worker of workers.values()) await worker.stop()
  await bundle.remove()
}

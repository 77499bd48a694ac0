// Where the time of a token goes at full size, in Node (kernels, by name and shape):
//
//   npx node bench/full/profile.ts [planes]

import { generate } from '../../src/generate/generate.ts'
import { loadModel } from '../../src/model/load.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { kernelModules } from '../../test/support/embedded-model.ts'
import { greedy, prefill } from '../edge/model-workload.ts'
import { CONTEXT_LENGTH, planeCounts } from './geometry.ts'
import { randomPack } from './random-pack.ts'
import { startingAt, touchCache } from './starting-at.ts'

const DECODED = 16
const PREFILLED = 128

const spent = new Map<string, { calls: number; milliseconds: number }>()

/** The model gets its kernels from WebAssembly.instantiate: those come back with a watch around each. */
const { instantiate } = WebAssembly
WebAssembly.instantiate = (async (module: WebAssembly.Module, imports: WebAssembly.Imports) => {
  const { exports } = await instantiate(module, imports)
  const timed = Object.entries(exports).map(([name, kernel]) => {
    if (typeof kernel !== 'function') return [name, kernel]
    return [
      name,
      (...args: number[]) => {
        const started = performance.now()
        const result = kernel(...args)
        const label = name === 'matmul' ? `matmul ${args[3]} x ${args[4]}` : name
        const entry = spent.get(label) ?? { calls: 0, milliseconds: 0 }
        spent.set(label, entry)
        entry.calls++
        entry.milliseconds += performance.now() - started
        return result
      },
    ]
  })
  return { exports: Object.fromEntries(timed) }
}) as typeof WebAssembly.instantiate

const planes = planeCounts.find((count) => String(count) === process.argv[2]) ?? 2
const store = folderStore(await randomPack(planes))
const manifest = parseManifest(await store.manifest(), 'manifest.json')
const options = { contextLength: CONTEXT_LENGTH, sequences: 1 }
const model = await loadModel(store, manifest, await kernelModules(), options)
await touchCache(model)

for (const context of [128, 2048]) {
  await report(`${planes} planes, decode at ${context}`, DECODED, async () => {
    for await (const _ of generate(startingAt(model, { context }), greedy([1], DECODED)));
  })
}
const prompt = Array.from({ length: PREFILLED }, (_, i) => i)
await report(`${planes} planes, prefill`, PREFILLED, () => prefill(model, prompt))

async function report(title: string, tokens: number, work: () => Promise<void>): Promise<void> {
  spent.clear()
  const started = performance.now()
  await work()
  const total = performance.now() - started
  const kernels = [...spent].toSorted(([, a], [, b]) => b.milliseconds - a.milliseconds)
  const outside = total - kernels.reduce((sum, [, { milliseconds }]) => sum + milliseconds, 0)
  const rows = [...kernels, ['outside kernels', { calls: 0, milliseconds: outside }] as const]
  console.log(`\n${title}: ${(total / tokens).toFixed(1)} ms a token`)
  console.table(
    Object.fromEntries(
      rows.map(([name, { calls, milliseconds }]) => [
        name,
        {
          'calls a token': calls / tokens,
          'ms a token': Number((milliseconds / tokens).toFixed(2)),
          share: Number((milliseconds / total).toFixed(3)),
        },
      ]),
    ),
  )
}

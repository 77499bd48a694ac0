import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Score } from '../bench/edge/model-workload.ts'
import { type BenchWorker, startBenchWorker } from '../bench/edge/start-bench-worker.ts'
import { readReference } from './reference/kl.ts'
import { divergence } from './support/divergence.ts'

let worker: BenchWorker
beforeAll(async () => {
  worker = await startBenchWorker()
  await worker.call('/model/load')
})
afterAll(() => worker?.stop())

test.each([
  ['short texts', 'reference', 'logits-llamacpp.json'],
  ['the ends of long texts', 'long', 'logits-llamacpp-long.json'],
] as const)(
  'logits in workerd are closer to the exactly dequantized model than those of llama.cpp, on %s',
  async (_, name, peer) => {
    const ours = await divergence(await readReference(name), (request) => worker.call<Score[]>('/model/score', request))
    const llamaCpp = JSON.parse(await readFile(new URL(`fixtures/${peer}`, import.meta.url), 'utf8'))
    expect(ours.meanKl).toBeLessThan(llamaCpp.meanKl)
    expect(ours.p99Kl).toBeLessThan(llamaCpp.p99Kl)
    expect(ours.sameTop1).toBeGreaterThan(0.96)
    expect(Math.abs(ours.perplexityRatio - 1)).toBeLessThan(0.005)
  },
  600_000,
)

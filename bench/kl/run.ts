// How far the logits are from the exactly dequantized model: in workerd and in Node, beside llama.cpp on the same file.
//
//   npm run bench:kl
import { readFile } from 'node:fs/promises'
import { readReference } from '../../test/reference/kl.ts'
import { divergence } from '../../test/support/divergence.ts'
import { loadEmbeddedModel } from '../../test/support/embedded-model.ts'
import { type Score, scoreText } from '../edge/model-workload.ts'
import { startBenchWorker } from '../edge/start-bench-worker.ts'

const worker = await startBenchWorker()
await worker.call('/model/load')
const { language } = await loadEmbeddedModel('plain')
for (const [title, name, peer] of [
  ['24 texts of 102 tokens', 'reference', 'logits-llamacpp.json'],
  ['The last 256 positions of 4 texts of 2,048 tokens', 'long', 'logits-llamacpp-long.json'],
] as const) {
  const reference = await readReference(name)
  const llamaCpp = JSON.parse(await readFile(new URL(`../../test/fixtures/${peer}`, import.meta.url), 'utf8'))
  const workerd = await divergence(reference, (request) => worker.call<Score[]>('/model/score', request))
  const plain = await divergence(reference, (request) => scoreText(language, request))
  console.log(`\n${title}:`)
  console.table({ 'workerd, relaxed SIMD': workerd, 'Node, plain SIMD': plain, [llamaCpp.version]: llamaCpp }, [
    'positions',
    'meanKl',
    'p99Kl',
    'sameTop1',
    'perplexityRatio',
  ])
}
await worker.stop()

// How far the logits are from the exactly dequantized model: in workerd and in Node, beside llama.cpp on the same file.
//
//   npm run bench:kl
import { readFile } from 'node:fs/promises'
import { readReference } from '../../test/reference/kl.ts'
import { divergence } from '../../test/support/divergence.ts'
import { loadEmbeddedModel } from '../../test/support/embedded-model.ts'
import { type Score, scoreText } from '../edge/model-workload.ts'
import { startBenchWorker } from '../edge/start-bench-worker.ts'

const reference = await readReference()
const llamaCpp = JSON.parse(
  await readFile(new URL('../../test/fixtures/logits-llamacpp.json', import.meta.url), 'utf8'),
)
const worker = await startBenchWorker()
await worker.call('/model/load')
const workerd = await divergence(reference, (request) => worker.call<Score[]>('/model/score', request))
await worker.stop()
const { language } = await loadEmbeddedModel('plain')
const plain = await divergence(reference, (request) => scoreText(language, request))
console.table({ 'workerd, relaxed SIMD': workerd, 'Node, plain SIMD': plain, [llamaCpp.version]: llamaCpp }, [
  'positions',
  'meanKl',
  'p99Kl',
  'sameTop1',
  'perplexityRatio',
])

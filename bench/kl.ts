// How far this project's logits are from the exactly dequantized model, beside llama.cpp on the same file. Node, one thread.
import { readFile } from 'node:fs/promises'
import { divergence } from '../test/divergence.ts'
import { loadEmbeddedModel } from '../test/embedded-model.ts'
import { readReference } from '../test/reference/kl.ts'
import { scoreText } from './model-workload.ts'

const build = process.argv[2] === 'plain' ? 'plain' : 'relaxed'
const { language } = await loadEmbeddedModel(build)
const ours = await divergence(await readReference(), (request) => scoreText(language, request))
const llamaCpp = JSON.parse(await readFile(new URL('../test/fixtures/logits-llamacpp.json', import.meta.url), 'utf8'))
console.table({ [`nanbeige-edge (${build})`]: ours, [llamaCpp.version]: llamaCpp }, [
  'positions',
  'meanKl',
  'p99Kl',
  'sameTop1',
  'perplexityRatio',
])

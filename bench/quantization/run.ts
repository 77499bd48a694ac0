// Divergence against bits of a real model: rounded, rotated, with error feedback, with bits where they pay; and llama.cpp's types beside them.
//
//   npm run bench:quantization -- MODEL.gguf --results bench/quantization/NAME.json --cache FOLDER
//
// Results that the file has already are kept, each pack stays in the cache, and a calibration that was stopped goes on where it was.
// llama.cpp's types need what llama_types.py leaves: with --sequences FILE the token ids of the calibration text are written for it and
// nothing else is done; --llama FOLDER then says where the types are.
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Command } from 'commander'
import { wholeNumber } from '../../src/cli/whole-number.ts'
import { loadModel } from '../../src/model/load.ts'
import { kernelModules } from '../../src/pack/kernel-modules.ts'
import type { ModelSource } from '../../src/pack/model-source.ts'
import { type PackOptions, packModel } from '../../src/pack/pack-model.ts'
import { readSource } from '../../src/pack/read-source.ts'
import { rotatedSource } from '../../src/pack/rotated-source.ts'
import { buildTokenizerTables } from '../../src/pack/tokenizer/tables.ts'
import { readTexts, tokenSequences } from '../../src/quantize/calibration-text.ts'
import type { Losses } from '../../src/quantize/losses.ts'
import { measureQuality, type Quality } from '../../src/quantize/quality.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { tensorBytes } from '../../src/weights/plane-layout.ts'
import { cachedLosses } from './cached-losses.ts'
import { floatModel, llamaSource } from './llama-source.ts'
import { type ReferenceLogits, referenceCache } from './reference-cache.ts'

/** One point of the curve. */
export interface Point extends Quality {
  readonly method: 'rounded' | 'rotated' | 'calibrated' | 'allocated' | 'llama.cpp'
  readonly setting: string
  readonly bytes: number
  /** Of all bytes of all tensors, for each weight of the file. */
  readonly bits: number
}

const BUDGETS = [3.06, 4.25, 2.56, 3.44, 2.2, 4.5]
const PLANES = [3, 2, 4]
const QUALITY_TEXT = new URL('../../src/quantize/quality.json', import.meta.url).pathname

const program = new Command()
  .argument('<model>', 'GGUF file')
  .requiredOption('--results <file>', 'JSON of the points')
  .requiredOption('--cache <folder>', 'for packs, reference logits and losses')
  .option('--every <n>', 'every n-th entry of calibration.json, for calibrations that take less', wholeNumber, 1)
  .option('--tokens <n>', 'tokens of each text of quality.json', wholeNumber, 30)
  .option('--sequences <file>', 'only write token ids of the calibration text')
  .option('--llama <folder>', 'types of llama.cpp, by llama_types.py')
  .option('--only <methods>', 'methods, by comma', 'calibrated,allocated,rounded,rotated,llama.cpp')
  .parse()
const [path] = program.args
const { results, cache, every, tokens, sequences, llama, only } = program.opts()

const source = await readSource(path)
const tables = buildTokenizerTables(source.tokenizer)
const texts = (await readTexts('default')).filter((_, i) => i % every === 0)
const calibration = tokenSequences(texts, tables, source)
if (sequences) {
  await writeFile(sequences, JSON.stringify(calibration))
  process.exit()
}
await mkdir(cache, { recursive: true })
const shown = tokenSequences(await readTexts(QUALITY_TEXT), tables, source).map((ids) => ids.slice(0, tokens))
const points: Point[] = existsSync(results) ? JSON.parse(await readFile(results, 'utf8')).points : []
const weights = weightsOf(source)
const vectors = [...source.tensors.values()].filter(({ shape }) => shape.length === 1)
const methods = new Set<string>(only.split(','))
let reference: ReferenceLogits | undefined

for (const [method, setting, run] of planned()) {
  if (!methods.has(method) || points.some((point) => point.method === method && point.setting === setting)) continue
  const started = performance.now()
  reference ??= await referenceCache(join(cache, `reference-${tokens}.f32`), source, shown)
  const { bytes, quality } = await run(reference)
  const point = { method, setting, bytes, bits: (bytes * 8) / weights, ...quality }
  points.push(point)
  const about = {
    model: basename(path),
    sha256: await source.sha256(),
    calibrationTokens: calibration.flat().length,
    tokensOfText: tokens,
  }
  await writeFile(results, `${JSON.stringify({ ...about, points }, null, 2)}\n`)
  const took = ((performance.now() - started) / 1000).toFixed(0)
  console.log(method, setting, point.bits.toFixed(3), point.meanKl.toFixed(4), `${took} s`)
}

type Run = (reference: ReferenceLogits) => Promise<{ bytes: number; quality: Quality }>

function* planned(): Generator<[Point['method'], string, Run]> {
  const groupSize = ([128, 64, 32] as const).find((size) => source.config.hiddenSize % size === 0)!
  const uniform = (planes: number) => ({ planes: classes(planes), groupSize })
  const each = PLANES.map((planes) => [`${planes} planes, groups of ${groupSize}`, uniform(planes)] as const)
  const anyPlanes = { planes: {}, groupSize: 32 as const }
  for (const bits of BUDGETS) {
    const options = async () => ({ ...anyPlanes, calibrate: { texts, bits, losses: await losses() } })
    yield ['allocated', `${bits} bits`, async (to) => measurePack(`bits-${bits}`, await options(), to)]
  }
  for (const [name, rounding] of each) {
    const measured = (method: string, options: object) => (to: ReferenceLogits) =>
      measurePack(`${method}-${rounding.planes.ffn}`, { ...rounding, ...options }, to)
    yield ['calibrated', name, measured('calibrated', { calibrate: { texts } })]
    yield ['rounded', name, measured('rounded', {})]
    yield ['rotated', name, measured('rotated', { rotate: true })]
  }
  if (llama === undefined) return
  for (const type of ['Q4_K', 'Q2_K', 'IQ3_XXS', 'IQ4_XS', 'Q3_K', 'IQ2_S', 'IQ2_XXS']) {
    if (existsSync(join(llama, `${type}.json`))) yield ['llama.cpp', type, (to) => measureType(type, to)]
  }
}

function classes(planes: number) {
  return { embedding: planes, attention: planes, ffn: planes, head: planes }
}

function losses(): Promise<Losses> {
  return cachedLosses(join(cache, 'losses.json'), {
    source: rotatedSource(source),
    sequences: calibration,
  })
}

async function measurePack(name: string, options: Omit<PackOptions, 'name'>, to: ReferenceLogits) {
  const folder = join(cache, name)
  const manifest = await packModel(path, folder, { ...options, name })
  const model = await loadModel(folderStore(folder), manifest, await kernelModules(), {
    contextLength: tokens,
    sequences: 1,
  })
  const bytes = manifest.tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
  return { bytes, quality: await measureQuality(model, shown, to()) }
}

async function measureType(type: string, to: ReferenceLogits) {
  const { bytes, source: typed } = await llamaSource(source, llama, type)
  const vectorBytes = vectors.reduce((sum, { shape }) => sum + shape[0] * 4, 0)
  const model = floatModel(typed, shown)
  try {
    return { bytes: bytes + vectorBytes, quality: await measureQuality(model, shown, to()) }
  } finally {
    await model.close()
  }
}

function weightsOf({ tensors }: ModelSource): number {
  return [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
}

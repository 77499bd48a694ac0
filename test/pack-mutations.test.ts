// Damaged and unusual files: each is refused in one line, or packed as the reference reads it.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createRandom, type Random } from '../src/generate/random.ts'
import { readCheckpoint } from '../src/pack/checkpoint/source.ts'
import { ggufName } from '../src/pack/gguf/tensors.ts'
import { PackError } from '../src/pack/pack-error.ts'
import { packModel } from '../src/pack/pack-model.ts'
import { TensorReader } from '../src/pack/tensor-reader.ts'
import { UnsupportedTokenizerError } from '../src/pack/tokenizer/spec.ts'
import { loadTokenizer } from '../src/tokenizer/load.ts'
import { folderStore } from '../src/weights/folder-store.ts'
import { readSpan } from '../src/weights/load-tensors.ts'
import type { Manifest } from '../src/weights/manifest.ts'
import { withDigest } from '../src/weights/manifest-digest.ts'
import { parseManifest } from '../src/weights/parse-manifest.ts'
import { WeightsError } from '../src/weights/weights-error.ts'
import { damagedBytes, mutatedJson } from './mutations/damage.ts'
import { mutatedGguf } from './mutations/gguf.ts'
import { mutatedSafetensors } from './mutations/safetensors.ts'
import { packedWeights } from './support/packed-weights.ts'
import { tinyConfig, writeCheckpoint } from './support/tiny-checkpoint.ts'
import { type TinyPack, tinyPack } from './support/tiny-pack.ts'
import { toyByteFallback, toyByteLevel } from './support/toy-tokenizers.ts'

// Threads take longer to start than such small models take to pack.
vi.mock('node:os', async (original) => ({ ...(await original<object>()), availableParallelism: () => 1 }))

const { PACK_MUTATIONS, PACK_MUTATIONS_PYTHON, PACK_MUTATIONS_RECORD } = process.env
const FIXTURE = 'test/fixtures/pack-mutations.json'
const COUNT = Number(PACK_MUTATIONS ?? 40)
const OPTIONS = { name: 'tiny', planes: {}, groupSize: 32 } as const

/** What the reference reads of a file: null where it refuses it. */
type Reading = ({ readonly tensors: Record<string, string> } & Readonly<Record<string, unknown>>) | null

let root: string
let pack: TinyPack
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mutations-'))
  pack = await tinyPack()
})
afterAll(async () => {
  await rm(root, { recursive: true })
  await pack.remove()
})

/** undefined: refused, in one line that names the file or the pack. */
async function packedOrRefused<T>(work: () => Promise<T>, name: string): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    const typed = [PackError, UnsupportedTokenizerError, WeightsError].some((type) => error instanceof type)
    if (!typed) throw error
    const { message } = error as Error
    expect(message).toMatch(/^.{10,700}$/)
    expect(message).toContain(name)
    return undefined
  }
}

/** Files by their number, made from a seed of their own each. */
function mutants(mutate: (random: Random) => Uint8Array | string): (Uint8Array | string)[] {
  return Array.from({ length: COUNT }, (_, seed) => mutate(createRandom(seed)))
}

/** By the file's name; of a short run as they were recorded. */
async function readings(folder: string, kind: 'gguf' | 'safetensors'): Promise<Record<string, Reading>> {
  const fixture = JSON.parse(await readFile(FIXTURE, 'utf8').catch(() => '{}'))
  if (PACK_MUTATIONS_PYTHON === undefined) return fixture[kind]
  const script = 'test/reference/pack_mutations.py'
  const { stdout } = await promisify(execFile)(PACK_MUTATIONS_PYTHON, [script, folder], { maxBuffer: 2 ** 30 })
  const read = JSON.parse(stdout)
  if (PACK_MUTATIONS_RECORD) await writeFile(FIXTURE, `${JSON.stringify({ ...fixture, [kind]: read })}\n`)
  return read
}

const digest = (weights: Float32Array) =>
  createHash('sha256')
    // Without negative zeros.
    .update(Buffer.from(weights.map((weight) => weight + 0).buffer))
    .digest('hex')
    .slice(0, 16)

/** Says what became of the files of a kind. */
function report(kind: string, packed: number, more = ''): void {
  console.log(`${kind}: ${COUNT} files, ${packed} packed, ${COUNT - packed} refused${more}`)
}

it('GGUF files', async () => {
  const folder = join(root, 'gguf')
  await mkdir(folder)
  const files = mutants(mutatedGguf)
  for (const [i, bytes] of files.entries()) await writeFile(join(folder, `${i}.gguf`), bytes)
  const read = await readings(folder, 'gguf')
  let packed = 0
  for (const i of files.keys()) {
    const name = `${i}.gguf`
    const manifest = await packedOrRefused(() => packModel(join(folder, name), join(root, 'out'), OPTIONS), name)
    if (manifest === undefined) continue
    packed++
    const weights = await packedWeights(folderStore(join(root, 'out')), manifest)
    const tensors = Object.fromEntries([...weights].map(([ours, values]) => [ggufName(ours), digest(values)]))
    const { chatTemplate, config } = manifest
    const { ropeTheta, rmsNormEps, maxPositionEmbeddings, headCount } = config
    const found = { tensors, chatTemplate, ropeTheta, rmsNormEps, maxPositionEmbeddings, headCount }
    expect([name, found]).toEqual([name, read[name]])
  }
  report('GGUF', packed)
}, 1_000_000)

it('safetensors files', async () => {
  const folder = join(root, 'safetensors')
  const checkpoint = join(root, 'checkpoint')
  await mkdir(folder)
  await writeCheckpoint(checkpoint)
  const files = mutants(mutatedSafetensors)
  for (const [i, bytes] of files.entries()) await writeFile(join(folder, `${i}.safetensors`), bytes)
  const read = await readings(folder, 'safetensors')
  const reader = new TensorReader()
  let packed = 0
  for (const [i, bytes] of files.entries()) {
    const name = `${i}.safetensors`
    await rm(join(checkpoint, 'model.safetensors'))
    await writeFile(join(checkpoint, 'model.safetensors'), bytes)
    const manifest = await packedOrRefused(() => packModel(checkpoint, join(root, 'out'), OPTIONS), 'checkpoint')
    if (manifest === undefined) continue
    packed++
    // Packing rounds, so what is compared is what it rounds.
    const { tensors } = await readCheckpoint(checkpoint)
    for (const tensor of tensors.values()) {
      const moved = { ...tensor, path: join(folder, name) }
      const count = tensor.shape.reduce((product, dim) => product * dim, 1)
      const found = digest(await reader.readWeights(moved, 0, count))
      expect([name, tensor.name, found]).toEqual([name, tensor.name, read[name]?.tensors[tensor.name]])
    }
  }
  await reader.close()
  report('safetensors', packed)
}, 1_000_000)

it('tokenizer.json files', async () => {
  const folder = join(root, 'tokenizers')
  const toys = [toyByteLevel(), toyByteFallback()]
  await writeCheckpoint(folder)
  let packed = 0
  for (const [seed, text] of mutants((random) => {
    const toy = toys[Math.floor(random() * 2)]
    if (random() < 0.8) return mutatedJson(toy, random)
    const bytes = Buffer.from(JSON.stringify(toy))
    return damagedBytes(bytes, random, bytes.length)
  }).entries()) {
    await writeFile(join(folder, 'tokenizer.json'), text)
    const manifest = await packedOrRefused(() => packModel(folder, join(root, 'out'), OPTIONS), 'tokenizers')
    if (manifest === undefined) continue
    packed++
    const tokenizer = loadTokenizer(await readSpan(folderStore(join(root, 'out')), manifest.tokenizer))
    const ids = tokenizer.encode('abc <say>bc <s> é 世界 1\n😀')
    const bytes = Buffer.concat(ids.map((id) => tokenizer.bytes(id)))
    expect([seed, ids.every((id) => id < tokenizer.vocabSize), bytes.length > 0]).toEqual([seed, true, true])
  }
  report('tokenizer.json', packed)
}, 1_000_000)

it('the JSON files of a checkpoint', async () => {
  const folder = join(root, 'configs')
  const documents: Record<string, object> = {
    'config.json': { ...tinyConfig, rope_parameters: { rope_type: 'default', rope_theta: 5e6 } },
    'generation_config.json': { do_sample: true, temperature: 0.6, top_p: 0.95, top_k: 20, eos_token_id: [2, 3] },
    'tokenizer_config.json': {
      bos_token: { content: '<s>' },
      eos_token: '<s>',
      add_bos_token: true,
      chat_template: [{ name: 'default', template: '{{ messages }}' }],
      added_tokens_decoder: {},
    },
  }
  const texts = Object.fromEntries(
    Object.entries(documents).map(([file, document]) => [file, JSON.stringify(document)]),
  )
  await writeCheckpoint(folder, { files: { ...texts, 'chat_template.jinja': undefined } })
  let packed = 0
  for (const text of mutants((random) => {
    const [file, document] = Object.entries(documents)[Math.floor(random() * 3)]
    return JSON.stringify([file, mutatedJson(document, random)])
  })) {
    const [file, json] = JSON.parse(text as string)
    await writeFile(join(folder, file), json)
    const manifest = await packedOrRefused(() => packModel(folder, join(root, 'out'), OPTIONS), 'configs')
    if (manifest !== undefined) packed++
    await writeFile(join(folder, file), texts[file])
  }
  report('JSON of checkpoints', packed)
}, 1_000_000)

it('manifests, also those with a digest that is right', async () => {
  const path = join(pack.folder, 'manifest.json')
  const text = await readFile(path, 'utf8')
  let loaded = 0
  for (const [seed, changed] of mutants((random) => {
    if (random() < 0.2) return damagedBytes(Buffer.from(text), random, Buffer.byteLength(text))
    return mutatedJson(JSON.parse(text), random)
  }).entries()) {
    await writeFile(path, changed)
    const load = async () => parseManifest(await folderStore(pack.folder).manifest(), pack.folder)
    const manifest = await packedOrRefused(load, pack.folder)
    // A mutation that left its digest right changed nothing.
    if (manifest?.digest !== undefined) expect([seed, manifest]).toEqual([seed, pack.manifest])

    const signed = await signedAgain(changed)
    if (signed === undefined) continue
    await writeFile(path, JSON.stringify(signed))
    const taken = await packedOrRefused(load, pack.folder)
    if (taken === undefined) continue
    loaded++
    await packedOrRefused(() => packedWeights(folderStore(pack.folder), taken), '.bin')
  }
  await writeFile(path, text)
  report('manifests signed again', loaded)
}, 1_000_000)

async function signedAgain(changed: Uint8Array | string): Promise<Manifest | undefined> {
  try {
    return await withDigest(JSON.parse(changed.toString()))
  } catch {
    return undefined
  }
}

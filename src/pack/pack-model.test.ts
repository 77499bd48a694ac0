/// <reference lib="esnext.float16" />
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packedWeights } from '../../test/support/packed-weights.ts'
import {
  ggufBytes,
  type TinyMetadata,
  type TinyTensor,
  tinyMetadata,
  tinyTensors,
  tinyWeights,
} from '../../test/support/tiny-gguf.ts'
import { describePack } from '../cli/inspect.ts'
import { loadTokenizer } from '../tokenizer/load.ts'
import { folderStore } from '../weights/folder-store.ts'
import { readSpan } from '../weights/load-tensors.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { type PackOptions, packModel } from './pack-model.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pack-'))
})
afterAll(() => rm(folder, { recursive: true }))

const options: PackOptions = { name: 'tiny', planes: {}, groupSize: 32 }
let packs = 0

async function pack(tensors: readonly TinyTensor[], metadata: TinyMetadata = {}, given: Partial<PackOptions> = {}) {
  const path = join(folder, `${packs++}.gguf`)
  await writeFile(path, ggufBytes({ ...tinyMetadata, ...metadata }, tensors))
  const out = join(folder, `${packs}`)
  return { path, out, manifest: await packModel(path, out, { ...options, ...given }) }
}

async function readBack(out: string): Promise<Map<string, Float32Array>> {
  const store = folderStore(out)
  return packedWeights(store, parseManifest(await store.manifest(), out))
}

/** Element by element comparison by `toEqual` takes seconds for matrices. */
function sameBytes(a: Float32Array, b: Float32Array): boolean {
  return Buffer.from(a.buffer).equals(Buffer.from(b.buffer))
}

/** Largest error of each group of 32 as a share of the group's range. */
function worstGroupError(weights: Float32Array, expected: Float32Array): number {
  let worst = 0
  for (let first = 0; first < expected.length; first += 32) {
    const group = expected.subarray(first, first + 32)
    const range = Math.max(...group) - Math.min(...group)
    const error = Math.max(...group.map((weight, i) => Math.abs(weights[first + i] - weight)))
    if (range > 0) worst = Math.max(worst, error / range)
    else expect(error).toBe(0)
  }
  return worst
}

describe('packModel', () => {
  for (const [type, planes, zeroPoint] of [
    ['Q4_0', 4, -8],
    ['Q4_1', 4, null],
    ['Q5_0', 5, -16],
    ['Q5_1', 5, null],
    ['Q8_0', 8, -128],
  ] as const) {
    it(`imports ${type} without loss`, async () => {
      const { manifest, out } = await pack(tinyTensors(type))
      expect(manifest.tensors[0]).toMatchObject({
        name: 'embedding',
        shape: [259, 256],
        planes,
        zeroPoint,
        groupSize: 32,
      })
      for (const [name, weights] of await readBack(out)) {
        const stored = name.toLowerCase().endsWith('norm') ? 'F32' : type
        expect(sameBytes(weights, tinyWeights(stored, weights.length)), name).toBe(true)
      }
    })
  }

  // Q4_K and Q5_K keep their integers and only round scales; a scale of 11 bits is off by at most 2^-12, minimums likewise.
  for (const [type, planes, bound] of [
    ['Q4_K', 4, 0.002],
    ['Q5_K', 5, 0.002],
    ['Q6_K', 8, 0.0041],
    ['F32', 8, 0.0041],
    ['F16', 8, 0.0041],
    ['BF16', 8, 0.0041],
  ] as const) {
    it(`imports ${type} within a rounding step`, async () => {
      const { manifest, out } = await pack(tinyTensors(type))
      expect(manifest.tensors[0]).toMatchObject({ planes, zeroPoint: null })
      const up = (await readBack(out)).get('layers.0.up')!
      expect(worstGroupError(up, tinyWeights(type, up.length))).toBeLessThan(bound)
    })
  }

  it('rounds the classes that it is told to', async () => {
    const { manifest, out } = await pack(tinyTensors('Q8_0'), {}, { planes: { ffn: 5, head: 6 }, groupSize: 64 })
    const planes = new Map(manifest.tensors.map((tensor) => [tensor.name, tensor.kind === 'planes' ? tensor : null]))
    expect(planes.get('embedding')).toMatchObject({ planes: 8, groupSize: 32, zeroPoint: -128 })
    expect(planes.get('layers.0.query')).toMatchObject({ planes: 8, groupSize: 32, zeroPoint: -128 })
    expect(planes.get('layers.0.down')).toMatchObject({ planes: 5, groupSize: 64, zeroPoint: null })
    expect(planes.get('head')).toMatchObject({ planes: 6, groupSize: 64, zeroPoint: null })
    const head = (await readBack(out)).get('head')!
    const expected = tinyWeights('Q8_0', head.length)
    const rms = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
    expect(rms(head.map((weight, i) => weight - expected[i])) / rms(expected)).toBeLessThan(0.02)
  })

  it('writes what the rest of the system reads', async () => {
    const { manifest, out } = await pack(tinyTensors('Q4_1'), { 'tokenizer.ggml.eot_token_id': 256 })
    expect(manifest).toMatchObject({
      name: 'tiny',
      license: 'apache-2.0',
      tokens: { bos: 256, eos: [257, 256], addBos: false },
      chatTemplate: '{{ messages }}',
      config: { ropeLayout: 'interleaved', headDim: 64, kvHeadCount: 2, vocabSize: 259, tiedEmbedding: false },
    })
    const tokenizer = loadTokenizer(await readSpan(folderStore(out), manifest.tokenizer))
    expect(tokenizer.encode('cab<|im_end|>')).toEqual([0x63, 258, 257])
    expect(describePack(manifest, [])).toMatch(/^layers\.0\.up +512 x 256 +4 \+ min +32 +81920 +5\.00$/m)
  })

  it('takes a file without a head as tied', async () => {
    const { manifest } = await pack(tinyTensors('Q4_1').filter(({ name }) => name !== 'output.weight'))
    expect(manifest.config.tiedEmbedding).toBe(true)
    expect(manifest.tensors.at(-1)!.name).toBe('norm')
  })

  it('gives the same bytes twice, and removes what an earlier pack left', async () => {
    const { path, out } = await pack(tinyTensors('Q4_1'))
    const before = await contents(out)
    await packModel(path, out, { ...options, planes: { head: 3 } })
    expect(await contents(out)).not.toEqual(before)
    await packModel(path, out, options)
    expect(await contents(out)).toEqual(before)
  })

  it('leaves no manifest when it fails', async () => {
    const { path, out } = await pack(tinyTensors('F32'))
    const bytes = await readFile(path)
    // The last weight of the last tensor.
    bytes.writeFloatLE(Number.NaN, bytes.length - 4)
    await writeFile(path, bytes)
    await expect(packModel(path, out, options)).rejects.toMatchObject({
      code: 'weights_not_finite',
      message: expect.stringContaining('output.weight'),
    })
    expect(await readdir(out)).not.toContain('manifest.json')
  })

  const changed = (name: string, change: Partial<TinyTensor>) =>
    tinyTensors('Q4_1').map((tensor) => (tensor.name === name ? { ...tensor, ...change } : tensor))

  for (const [problem, code, message, tensors, metadata] of [
    [
      'another architecture',
      'architecture_unsupported',
      /qwen3/,
      tinyTensors('Q4_1'),
      { 'general.architecture': 'qwen3' },
    ],
    [
      'rope scaling',
      'architecture_unsupported',
      /scaling\.type = yarn/,
      tinyTensors('Q4_1'),
      { 'llama.rope.scaling.type': 'yarn' },
    ],
    ['experts', 'architecture_unsupported', /expert_count = 8/, tinyTensors('Q4_1'), { 'llama.expert_count': 8 }],
    [
      'partial rotation',
      'architecture_unsupported',
      /dimension_count = 32/,
      tinyTensors('Q4_1'),
      { 'llama.rope.dimension_count': 32 },
    ],
    [
      'no context length',
      'metadata_invalid',
      /context_length is missing/,
      tinyTensors('Q4_1'),
      { 'llama.context_length': undefined },
    ],
    [
      'a bias',
      'tensor_unsupported',
      /attn_q\.bias/,
      [...tinyTensors('Q4_1'), { name: 'blk.0.attn_q.bias', shape: [512], type: 'F32' }],
      {},
    ],
    [
      'a missing tensor',
      'tensor_missing',
      /blk\.0\.attn_k\.weight/,
      tinyTensors('Q4_1').filter(({ name }) => !name.includes('attn_k')),
      {},
    ],
    [
      'a wrong shape',
      'metadata_invalid',
      /ffn_up.*\(256, 256\).*\(512, 256\)/,
      changed('blk.0.ffn_up.weight', { shape: [256, 256] }),
      {},
    ],
    [
      'an unknown type',
      'tensor_type_unsupported',
      /ffn_up\.weight is IQ2_XS/,
      changed('blk.0.ffn_up.weight', { type: 'IQ2_XS' }),
      {},
    ],
  ] as const) {
    it(`refuses ${problem}`, async () => {
      const error = { code, message: expect.stringMatching(message) }
      await expect(pack(tensors, metadata as TinyMetadata)).rejects.toMatchObject(error)
    })
  }

  it('refuses what is no GGUF file, a truncated one and a missing one', async () => {
    const whole = ggufBytes(tinyMetadata, tinyTensors('Q4_1'))
    const path = join(folder, 'damaged.gguf')
    const packed = () => packModel(path, join(folder, 'damaged'), options)
    await expect(packed()).rejects.toMatchObject({ code: 'file_missing' })
    await writeFile(path, 'GGML')
    await expect(packed()).rejects.toMatchObject({ code: 'not_gguf' })
    await writeFile(path, whole.subarray(0, 100))
    await expect(packed()).rejects.toMatchObject({ code: 'not_gguf' })
    await writeFile(path, whole.subarray(0, whole.length - 1))
    await expect(packed()).rejects.toMatchObject({
      code: 'file_truncated',
      message: expect.stringContaining('output.weight'),
    })
  })
})

async function contents(out: string): Promise<Record<string, string>> {
  const files = (await readdir(out)).toSorted()
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file, await readFile(join(out, file), 'base64')])),
  )
}

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { greedy } from '../bench/edge/model-workload.ts'
import { generate } from '../src/generate/generate.ts'
import type { EdgeModel } from '../src/model/edge-model.ts'
import { loadModel } from '../src/model/load.ts'
import { folderStore } from '../src/weights/folder-store.ts'
import { loadTensors } from '../src/weights/load-tensors.ts'
import type { Manifest, Tensor } from '../src/weights/manifest.ts'
import { parseManifest } from '../src/weights/parse-manifest.ts'
import { planeFormat } from '../src/weights/plane-layout.ts'
import { embeddingRow } from './kernels/embedding.reference.ts'
import { kernelModules } from './support/embedded-model.ts'
import { unpackPlanes } from './support/unpack-planes.ts'

/**
 * A pack of these models loses nothing, so what is between its logits and those of transformers in float32 are rounded
 * activations: table entries, queries, keys, values and the weights of attention. Each is an independent error, uniform within half a
 * step of known size.
 * test/reference/tiny_llama_rounding.py derives the error of a product from that and adds random errors of that size to every
 * product, key and value within transformers; `rounding` is what became of them at the logits, as root mean square and as the
 * largest error of any logit in 24 runs. Our rounding is one more run: the root mean square of one run differs by up to 5 %
 * from that of all, its largest error by about a quarter from the usual one, and the derivation is an upper estimate.
 * A wrong RoPE layout or theta, mapping of heads or score scale is 3.6 to 34 times `rounding.rms`.
 */
const RMS_TOLERANCE = 1.1
const LARGEST_TOLERANCE = 1.25

const neverAborted = new AbortController().signal
const fixturesOf = (name: string) =>
  new URL(`fixtures/tiny-${name.startsWith('qwen2') ? 'qwen2' : 'llama'}/`, import.meta.url)

/** What test/reference/tiny_llama.py writes: fixtures/tiny-llama/README.md. Block types of a GGUF are imported where `imported`. */
interface Expected {
  groupSize: number
  planes: Record<string, number>
  tokens: number[]
  logits: { shape: [number, number] }
  rounding: { rms: number; largest: number }
  /** Continuations whose every margin to another token is at least 5 standard deviations of its rounding error. */
  greedy: { prompt: number[]; tokens: number[] }[]
  weights: Record<'huggingFace' | 'gguf', Record<string, string>>
}

const models = [
  { name: 'tied', form: 'huggingFace', path: 'tied' },
  { name: 'tied', form: 'gguf', path: 'tied.gguf', imported: true },
  { name: 'untied', form: 'huggingFace', path: 'untied' },
  { name: 'untied', form: 'gguf', path: 'untied.gguf' },
  { name: 'wide-groups', form: 'huggingFace', path: 'wide-groups' },
  { name: 'qwen2-tied', form: 'huggingFace', path: 'qwen2-tied' },
  { name: 'qwen2-tied', form: 'gguf', path: 'qwen2-tied.gguf', imported: true },
  { name: 'qwen2-untied', form: 'huggingFace', path: 'qwen2-untied' },
  { name: 'qwen2-untied', form: 'gguf', path: 'qwen2-untied.gguf', imported: true },
] as const satisfies readonly {
  name: string
  form: 'huggingFace' | 'gguf'
  path: string
  imported?: boolean
}[]

describe.each(models)('$path', ({ name, form, path, ...rest }) => {
  const fixtures = fixturesOf(name)
  let root: string
  let expected: Expected
  let expectedLogits: Float32Array
  let manifest: Manifest
  let model: EdgeModel

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'tiny-llama-'))
    expected = JSON.parse(await readFile(new URL(`${name}.json`, fixtures), 'utf8'))
    const logits = await readFile(new URL(`${name}.logits.bin`, fixtures))
    expectedLogits = new Float32Array(new Uint8Array(logits).buffer)
    const planes = Object.entries(expected.planes).map(([part, count]) => `${part}=${count}`)
    // Block types of a GGUF are imported as they are; floats are rounded, to what must be their own grid.
    const rounding = 'imported' in rest ? [] : ['--planes', planes.join(), '--group', `${expected.groupSize}`]
    await promisify(execFile)(process.execPath, [
      new URL('../src/cli/main.ts', import.meta.url).pathname,
      ...['pack', new URL(path, fixtures).pathname, '--out', root, ...rounding],
    ])
    manifest = parseManifest(await folderStore(root).manifest(), root)
    model = await loadModel(folderStore(root), manifest, await kernelModules(), { contextLength: 128, sequences: 1 })
  })
  afterAll(() => rm(root, { recursive: true }))

  /** Logits (vocabulary) after each of these runs of tokens. */
  async function logitsAfter(runs: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const sequence = model.createSequence()
    const rows: Float32Array[] = []
    try {
      for (const tokens of runs) {
        await model.forward(sequence, tokens, neverAborted)
        const distribution = await model.distribution(sequence, { adjustments: [], temperature: 1 })
        const { ids, logits } = await distribution.top(model.vocabSize)
        const row = new Float32Array(model.vocabSize).fill(Number.NaN)
        ids.forEach((id, i) => {
          row[id] = logits[i]
        })
        rows.push(row)
      }
    } finally {
      sequence.release()
    }
    return rows
  }

  const logitsAt = (position: number) => {
    const [, vocabSize] = expected.logits.shape
    return expectedLogits.subarray(position * vocabSize, (position + 1) * vocabSize)
  }

  test('is packed without loss', async () => {
    const tensors = new Map<Tensor, Uint8Array>()
    await loadTensors(folderStore(root), manifest, (tensor, bytes) => {
      tensors.set(tensor, new Uint8Array(bytes))
      return tensors.get(tensor)!
    })
    const digests = [...tensors].map(([tensor, bytes]) => [tensor.name, sha256(float32(tensor, bytes))])
    expect(Object.fromEntries(digests)).toEqual(expected.weights[form])
  })

  test('has the logits of transformers at every position', async () => {
    const logits = await logitsAfter(expected.tokens.map((token) => [token]))
    const errors = logits.flatMap((row, position) => [...row].map((logit, id) => logit - logitsAt(position)[id]))
    expect(errors).toHaveLength(expectedLogits.length)
    const rms = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length)
    const largest = errors.reduce((most, error) => Math.max(most, Math.abs(error)), 0)
    expect(rms).toBeLessThan(RMS_TOLERANCE * expected.rounding.rms)
    expect(largest).toBeLessThan(LARGEST_TOLERANCE * expected.rounding.largest)
  })

  test.each([[[80]], [[5, 31, 1, 32, 11]]])('has the same logits after runs of %j tokens', async (lengths) => {
    const single = await logitsAfter(expected.tokens.map((token) => [token]))
    const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length))
    const runs = lengths.map((length, i) => expected.tokens.slice(ends[i] - length, ends[i]))
    expect(runs.flat()).toEqual(expected.tokens)
    expect(await logitsAfter(runs)).toEqual(ends.map((end) => single[end - 1]))
  })

  test('continues prompts greedily as transformers does', async () => {
    for (const { prompt, tokens } of expected.greedy) {
      const ids: number[] = []
      for await (const { id } of generate(model, greedy(prompt, tokens.length))) ids.push(id)
      expect(ids).toEqual(tokens)
    }
  })
})

/** Float32 values of a tensor, row-major. */
function float32(tensor: Tensor, bytes: Uint8Array): Float32Array {
  if (tensor.kind === 'f32') return new Float32Array(bytes.buffer)
  const [rows, cols] = tensor.shape
  const matrix = unpackPlanes(bytes, { rows, cols, ...planeFormat(tensor) })
  const values = new Float32Array(rows * cols)
  for (let row = 0; row < rows; row++) values.set(embeddingRow(matrix, tensor.zeroPoint ?? 0, row), row * cols)
  return values
}

function sha256(values: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex')
}

import { describe, expect, it } from 'vitest'
import { gaussians } from '../../test/kernels/random-values.ts'
import { type FloatWeights, floatLogits } from '../../test/support/float-model.ts'
import { createRandom } from '../generate/random.ts'
import type { ModelSource } from '../pack/model-source.ts'
import { blockWeights } from '../pack/planes/block.ts'
import { readSource } from '../pack/read-source.ts'
import { plannedRotation, rotatedSource, vectorValues } from '../pack/rotated-source.ts'
import { TensorReader } from '../pack/tensor-reader.ts'
import { turn } from './rotation.ts'

const fixtures = new URL('../../test/fixtures/', import.meta.url).pathname

/** All weights of a source, as it is or rotated. */
async function weightsOf(source: ModelSource, rotated: boolean): Promise<FloatWeights> {
  const reader = new TensorReader()
  const weights = new Map<string, Float32Array>()
  for (const [name, tensor] of source.tensors) {
    const rotation = rotated ? plannedRotation(name, source) : undefined
    const [rows, cols] = tensor.shape
    if (cols === undefined) weights.set(name, await vectorValues(reader, tensor, rotation))
    else if (rotation !== 'ones')
      weights.set(name, await blockWeights(reader, { tensor, firstRow: 0, rows, cols, rotation }))
  }
  await reader.close()
  return weights
}

describe('the rotated model', () => {
  it.each([
    'tiny-llama/tied',
    'tiny-llama/tied.gguf',
    'tiny-llama/untied',
    'tiny-llama/wide-groups',
    'tiny-qwen2/qwen2-tied.gguf',
    'tiny-qwen2/qwen2-untied',
  ])('of %s has the logits of the plain one', async (path) => {
    const plain = await readSource(fixtures + path)
    const rotated = rotatedSource(plain)
    const tokens = [3, 141, 59, 26, 5, 35, 89, 79]
    const expected = floatLogits(plain.config, await weightsOf(plain, false), tokens)
    const turned = await weightsOf(rotated, true)
    const actual = floatLogits(rotated.config, turned, tokens)
    const largest = Math.max(...expected.flatMap((row) => [...row].map(Math.abs)))
    const error = Math.max(
      ...expected.flatMap((row, i) => [...row].map((logit, id) => Math.abs(logit - actual[i][id]))),
    )
    // The rotated weights are rounded to float32, and nothing else differs.
    expect(error / largest).toBeLessThan(1e-5)
    const query = 'layers.0.query'
    expect(turned.get(query)).not.toEqual((await weightsOf(plain, false)).get(query))
  })
})

describe('turn', () => {
  // Those of Nanbeige4-3B, SmolLM2-135M and Qwen2.5-0.5B, whole and in blocks, and heads.
  it.each([2560, 10496, 256, 576, 1536, 896, 4864, 128, 64, 160])('of vectors of %d is orthogonal', (size) => {
    const random = createRandom(size)
    for (const signed of [false, true]) {
      const vectors = [gaussians(random, size), gaussians(random, size)]
      const turned = vectors.map((vector) => {
        const copy = vector.slice()
        turn(copy, { size, signed }, 1)
        return copy
      })
      const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i], 0)
      for (const [i, j] of [
        [0, 0],
        [0, 1],
        [1, 1],
      ]) {
        expect(Math.abs(dot(turned[i], turned[j]) - dot(vectors[i], vectors[j])) / size).toBeLessThan(2e-6)
      }
      expect(turned[0]).not.toEqual(vectors[0])
    }
  })

  it('spreads a single large element over all', () => {
    for (const size of [2560, 896, 576]) {
      const x = new Float32Array(size)
      x[7] = 1
      turn(x, { size, signed: true }, 1)
      expect(Math.max(...x.map(Math.abs)) * Math.sqrt(size)).toBeLessThan(1.5)
    }
  })

  it('turns along rows as along columns', () => {
    const [size, inner] = [96, 5]
    const x = gaussians(createRandom(5), size * inner)
    const rows = x.slice()
    turn(rows, { size, signed: true }, inner)
    for (let column = 0; column < inner; column++) {
      const vector = Float32Array.from({ length: size }, (_, i) => x[i * inner + column])
      turn(vector, { size, signed: true }, 1)
      expect(Float32Array.from({ length: size }, (_, i) => rows[i * inner + column])).toEqual(vector)
    }
  })
})

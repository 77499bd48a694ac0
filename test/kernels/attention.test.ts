import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import { attend, type CacheShape, cacheBytes, cacheIn, storeKv, vectorAt } from './attention.reference.ts'
import { openBuilds } from './harness.ts'
import { activations, gaussians } from './random-values.ts'
import { expectExact, expectWithin } from './tolerance.ts'

const headDim = fc.constantFrom(32, 64, 96, 128)
const kvHeads = fc.integer({ min: 1, max: 4 })
const junk = 0x7f

/** A cache whose first positions hold `vectors`, each (kvHeads, headDim), and whose other scales are NaN. */
function cacheOf(shape: CacheShape, vectors: readonly Float32Array[]): Uint8Array {
  const bytes = new Uint8Array(cacheBytes(shape)).fill(junk)
  const cache = cacheIn(bytes, shape)
  cache.scales.fill(Number.NaN)
  vectors.forEach((vector, position) => {
    storeKv(cache, vector, position)
  })
  return bytes
}

describe.each(await openBuilds())('attention, $build build', ({ kernels, run }) => {
  const kernelAttend = (shape: CacheShape, q: Float32Array, keys: Uint8Array, values: Uint8Array, count: number) =>
    run((memory) => {
      const out = memory.floats(q.length)
      const heads = q.length / shape.headDim
      kernels.attend(
        out.byteOffset,
        memory.floats(q).byteOffset,
        memory.bytes(keys).byteOffset,
        memory.bytes(values).byteOffset,
        memory.bytes(kernels.attendScratchBytes(shape.capacity, shape.headDim, heads / shape.kvHeads)).byteOffset,
        count,
        heads,
        shape.kvHeads,
        shape.capacity,
        shape.headDim,
      )
      return out.slice()
    })

  const expectAttention = (
    shape: CacheShape,
    q: Float32Array,
    keyVectors: readonly Float32Array[],
    valueVectors: readonly Float32Array[],
  ) => {
    const [keys, values] = [cacheOf(shape, keyVectors), cacheOf(shape, valueVectors)]
    const count = keyVectors.length
    const { out, bounds } = attend(q, cacheIn(keys, shape), cacheIn(values, shape), count, q.length / shape.headDim)
    expectWithin(kernelAttend(shape, q, keys, values, count), out, (i) => bounds[i])
  }

  it('storeKv writes one position as the reference does, and no other', () => {
    const shape = fc.record({ seed: fc.integer(), kvHeads, headDim, capacity: fc.integer({ min: 1, max: 9 }) })
    fc.assert(
      fc.property(shape, fc.nat({ max: 8 }), ({ seed, ...of }, at) => {
        const position = at % of.capacity
        const x = activations(createRandom(seed), of.kvHeads * of.headDim)
        const expected = new Uint8Array(cacheBytes(of)).fill(junk)
        storeKv(cacheIn(expected, of), x, position)
        expect(kernels.kvBytes(of.kvHeads, of.capacity, of.headDim)).toBe(cacheBytes(of))
        run((memory) => {
          const cache = memory.bytes(new Uint8Array(cacheBytes(of)).fill(junk))
          kernels.storeKv(cache.byteOffset, memory.floats(x).byteOffset, position, of.kvHeads, of.capacity, of.headDim)
          expectExact(cache, expected)
        })
      }),
      { seed: 81, numRuns: 100 },
    )
  })

  it('storeKv is off by at most half a step of each 32 elements', () => {
    const shape = { kvHeads: 2, capacity: 1, headDim: 64 }
    const x = activations(createRandom(82), 128)
    run((memory) => {
      const bytes = memory.bytes(cacheBytes(shape))
      kernels.storeKv(bytes.byteOffset, memory.floats(x).byteOffset, 0, 2, 1, 64)
      const cache = cacheIn(bytes, shape)
      for (const head of [0, 1]) {
        const step = (i: number) => cache.scales[head * 2 + Math.floor(i / 32)]
        // 127 * 3 float32 roundings are 0.00003 of a step.
        expectWithin(vectorAt(cache, head, 0), x.subarray(head * 64, head * 64 + 64), (i) => 0.5001 * step(i))
      }
    })
  })

  it('attend is close to attention over the dequantized cache', () => {
    const shape = fc.record({
      seed: fc.integer(),
      kvHeads,
      headDim,
      queriesPerKv: fc.constantFrom(1, 2, 3, 5, 8),
      count: fc.integer({ min: 1, max: 50 }),
      spare: fc.integer({ min: 0, max: 5 }),
      // Flat, ordinary and one-hot softmax.
      querySize: fc.constantFrom(1e-3, 1, 5, 100),
    })
    fc.assert(
      fc.property(shape, ({ seed, queriesPerKv, count, spare, querySize, ...of }) => {
        const random = createRandom(seed)
        const size = of.kvHeads * of.headDim
        const vectors = () => Array.from({ length: count }, () => gaussians(random, size))
        const q = gaussians(random, size * queriesPerKv, querySize)
        expectAttention({ ...of, capacity: count + spare }, q, vectors(), vectors())
      }),
      { seed: 83, numRuns: 60 },
    )
  })

  it('attend is close with outliers, 20 heads over 4', () => {
    const random = createRandom(84)
    const vectors = () => Array.from({ length: 33 }, () => activations(random, 512))
    expectAttention({ kvHeads: 4, capacity: 40, headDim: 128 }, gaussians(random, 2560), vectors(), vectors())
  })

  it('attend averages the values where the query or the keys are zero', () => {
    const random = createRandom(85)
    const shape = { kvHeads: 1, capacity: 9, headDim: 32 }
    const zeros = Array.from({ length: 7 }, () => new Float32Array(32))
    const vectors = Array.from({ length: 7 }, () => gaussians(random, 32))
    expectAttention(shape, new Float32Array(64), vectors, vectors)
    expectAttention(shape, gaussians(random, 64), zeros, vectors)
    const keys = cacheOf(shape, vectors)
    const values = cacheOf(shape, [Float32Array.from({ length: 32 }, () => 254), ...zeros.slice(1)])
    const mean = kernelAttend(shape, new Float32Array(64), keys, values, 2)
    expectExact(mean, new Float32Array(64).fill(127))
  })

  it('attend gives zeros where the values are zero', () => {
    const random = createRandom(86)
    const shape = { kvHeads: 2, capacity: 5, headDim: 64 }
    const keys = cacheOf(
      shape,
      Array.from({ length: 5 }, () => gaussians(random, 128)),
    )
    const values = cacheOf(
      shape,
      Array.from({ length: 5 }, () => new Float32Array(128)),
    )
    expectExact(kernelAttend(shape, gaussians(random, 256), keys, values, 5), new Float32Array(256))
  })

  it('attend returns the value itself at the first position', () => {
    const random = createRandom(87)
    const shape = { kvHeads: 1, capacity: 3, headDim: 96 }
    const values = cacheOf(shape, [gaussians(random, 96)])
    const out = kernelAttend(shape, gaussians(random, 96), cacheOf(shape, [gaussians(random, 96)]), values, 1)
    expectExact(out, Float32Array.from(vectorAt(cacheIn(values, shape), 0, 0)))
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import {
  attend,
  type CacheShape,
  keyBytes,
  keysIn,
  store,
  valueBytes,
  valuesIn,
  vectorAt,
} from './attention.reference.ts'
import { openBuilds, openOtherDots } from './harness.ts'
import { activations, gaussians } from './random-values.ts'
import { expectExact, expectWithin } from './tolerance.ts'

const headDim = fc.constantFrom(32, 64, 96, 128)
const kvHeads = fc.integer({ min: 1, max: 3 })
const junk = 0x7f

/** Bytes of keys and values whose first positions hold `vectors`, each (kvHeads, headDim), and whose other scales are NaN. */
function cacheOf(shape: CacheShape, keyVectors: readonly Float32Array[], valueVectors: readonly Float32Array[]) {
  const keys = new Uint8Array(keyBytes(shape)).fill(junk)
  const values = new Uint8Array(valueBytes(shape)).fill(junk)
  for (const [cache, vectors] of [
    [keysIn(keys, shape), keyVectors],
    [valuesIn(values, shape), valueVectors],
  ] as const) {
    cache.scales.fill(Number.NaN)
    vectors.forEach((vector, position) => {
      store(cache, vector, position)
    })
  }
  return { keys, values }
}

describe.each([...(await openBuilds()), await openOtherDots()])('attention, $build build', ({ kernels, run }) => {
  /** q (tokens, heads, headDim) of the tokens up to the position `count`. */
  const kernelAttend = (
    shape: CacheShape,
    q: Float32Array,
    { keys, values }: ReturnType<typeof cacheOf>,
    count: number,
    tokens = 1,
  ) =>
    run((memory) => {
      const out = memory.floats(q.length)
      const heads = q.length / shape.headDim / tokens
      kernels.attend(
        out.byteOffset,
        memory.floats(q).byteOffset,
        memory.bytes(keys).byteOffset,
        memory.bytes(values).byteOffset,
        memory.bytes(kernels.attendScratchBytes(tokens, shape.headDim, heads / shape.kvHeads)).byteOffset,
        count - tokens,
        tokens,
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
    const bytes = cacheOf(shape, keyVectors, valueVectors)
    const [keys, values] = [keysIn(bytes.keys, shape), valuesIn(bytes.values, shape)]
    const count = keyVectors.length
    const { out, bounds } = attend(q, keys, values, count, q.length / shape.headDim)
    expectWithin(kernelAttend(shape, q, bytes, count), out, (i) => bounds[i])
  }

  it.each([
    ['storeKey', 'keyBytes', keyBytes, keysIn],
    ['storeValue', 'valueBytes', valueBytes, valuesIn],
  ] as const)('%s writes one position as the reference does, and no other', (storeOne, bytesOf, size, cacheIn) => {
    const shape = fc.record({ seed: fc.integer(), kvHeads, headDim, capacity: fc.integer({ min: 1, max: 70 }) })
    fc.assert(
      fc.property(shape, fc.nat({ max: 69 }), ({ seed, ...of }, at) => {
        const position = at % of.capacity
        const x = activations(createRandom(seed), of.kvHeads * of.headDim)
        const expected = new Uint8Array(size(of)).fill(junk)
        store(cacheIn(expected, of), x, position)
        expect(kernels[bytesOf](of.kvHeads, of.capacity, of.headDim)).toBe(size(of))
        run((memory) => {
          const cache = memory.bytes(new Uint8Array(size(of)).fill(junk))
          kernels[storeOne](
            cache.byteOffset,
            memory.floats(x).byteOffset,
            position,
            of.kvHeads,
            of.capacity,
            of.headDim,
          )
          expectExact(cache, expected)
        })
      }),
      { seed: 81, numRuns: 100 },
    )
  })

  it.each([
    ['storeKey', keyBytes, keysIn],
    ['storeValue', valueBytes, valuesIn],
  ] as const)('%s is off by at most half a step of the head', (storeOne, size, cacheIn) => {
    const shape = { kvHeads: 2, capacity: 1, headDim: 64 }
    const x = activations(createRandom(82), 128)
    run((memory) => {
      const bytes = memory.bytes(size(shape))
      kernels[storeOne](bytes.byteOffset, memory.floats(x).byteOffset, 0, 2, 1, 64)
      for (const head of [0, 1]) {
        const vector = x.subarray(head * 64, head * 64 + 64)
        const step = Math.max(...vector.map(Math.abs)) / 127
        // 127 * 3 float32 roundings are 0.00003 of a step.
        expectWithin(vectorAt(cacheIn(bytes, shape), head, 0), vector, () => 0.5001 * step)
      }
    })
  })

  it('attend is what the reference makes of the same bytes', () => {
    const shape = fc.record({
      seed: fc.integer(),
      kvHeads,
      headDim,
      queriesPerKv: fc.constantFrom(1, 2, 3, 4, 5, 7, 8),
      // Within a tile of 64 positions, at its end, and some tiles.
      count: fc.oneof(
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom(63, 64, 65, 128),
        fc.integer({ min: 66, max: 200 }),
      ),
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
      { seed: 83, numRuns: 40 },
    )
  })

  it('attend is what the reference makes of outliers, 20 heads over 4', () => {
    const random = createRandom(84)
    const vectors = () => Array.from({ length: 70 }, () => activations(random, 512))
    expectAttention({ kvHeads: 4, capacity: 72, headDim: 128 }, gaussians(random, 2560), vectors(), vectors())
  })

  it('attend gives the tokens of a chunk exactly what it gives each alone', () => {
    const shape = fc.record({
      seed: fc.integer(),
      kvHeads,
      headDim,
      queriesPerKv: fc.constantFrom(1, 2, 3, 5, 7),
      before: fc.constantFrom(0, 1, 7, 50, 60, 64, 127),
      tokens: fc.integer({ min: 2, max: 32 }),
    })
    fc.assert(
      fc.property(shape, ({ seed, queriesPerKv, before, tokens, ...sizes }) => {
        const random = createRandom(seed)
        const count = before + tokens
        const of = { ...sizes, capacity: count }
        const width = of.kvHeads * of.headDim
        const vectors = () => Array.from({ length: count }, () => gaussians(random, width))
        const cache = cacheOf(of, vectors(), vectors())
        const size = width * queriesPerKv
        const q = gaussians(random, tokens * size, 2)
        const chunk = kernelAttend(of, q, cache, count, tokens)
        for (let i = 0; i < tokens; i++) {
          const alone = kernelAttend(of, q.slice(i * size, (i + 1) * size), cache, before + i + 1)
          expectExact(chunk.subarray(i * size, (i + 1) * size), alone)
        }
      }),
      { seed: 88, numRuns: 30 },
    )
  })

  it('attend averages the values where the query or the keys are zero', () => {
    const random = createRandom(85)
    const shape = { kvHeads: 1, capacity: 9, headDim: 32 }
    const zeros = Array.from({ length: 7 }, () => new Float32Array(32))
    const vectors = Array.from({ length: 7 }, () => gaussians(random, 32))
    expectAttention(shape, new Float32Array(64), vectors, vectors)
    expectAttention(shape, gaussians(random, 64), zeros, vectors)
    const cache = cacheOf(shape, vectors, [Float32Array.from({ length: 32 }, () => 254), ...zeros.slice(1)])
    expectWithin(kernelAttend(shape, new Float32Array(64), cache, 2), new Float32Array(64).fill(127), () => 1e-4)
  })

  it('attend gives zeros where the values are zero', () => {
    const random = createRandom(86)
    const shape = { kvHeads: 2, capacity: 5, headDim: 64 }
    const cache = cacheOf(
      shape,
      Array.from({ length: 5 }, () => gaussians(random, 128)),
      Array.from({ length: 5 }, () => new Float32Array(128)),
    )
    expectExact(kernelAttend(shape, gaussians(random, 256), cache, 5), new Float32Array(256))
  })

  it('attend returns the value itself at the first position', () => {
    const random = createRandom(87)
    const shape = { kvHeads: 1, capacity: 3, headDim: 96 }
    const cache = cacheOf(shape, [gaussians(random, 96)], [gaussians(random, 96)])
    const value = vectorAt(valuesIn(cache.values, shape), 0, 0)
    expectWithin(kernelAttend(shape, gaussians(random, 96), cache, 1), value, (i) => 4e-7 * Math.abs(value[i]))
  })
})

import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { gaussians } from '../../test/kernels/random-values.ts'
import { createRandom } from '../generate/random.ts'
import { multiply } from './float-matrix.ts'
import { FloatPool } from './float-pool.ts'

let pool: FloatPool
beforeAll(async () => {
  pool = await FloatPool.create(16e6, 512, 2)
})
afterAll(() => pool.close())

// A block has 256 rows and 512 columns.
const shape = fc.record({
  seed: fc.integer(),
  m: fc.integer({ min: 1, max: 600 }),
  n: fc.integer({ min: 1, max: 1200 }),
  k: fc.integer({ min: 1, max: 5 }),
  factor: fc.constantFrom(1, -0.5),
  accumulate: fc.boolean(),
})

it('multiplies matrices of several blocks, and all of c by its own row and column', async () => {
  await fc.assert(
    fc.asyncProperty(shape, async ({ seed, m, n, k, factor, accumulate }) => {
      const { a, b, c, before, product } = put({ seed, m, n, k })
      await multiply(pool, c, [a, k, 1], [b, 1, k], { m, n, k, factor, accumulate })
      const got = pool.floats(c, m * n)
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          const expected = factor * product(i, j) + (accumulate ? before[i * n + j] : 0)
          if (!(Math.abs(got[i * n + j] - expected) < 1e-4)) expect([i, j, got[i * n + j]]).toEqual([i, j, expected])
        }
      }
    }),
    { seed: 1, numRuns: 20 },
  )
})

it('leaves out what is below the diagonal, but for the blocks on it', async () => {
  const [size, k] = [700, 3]
  const { a, b, c, before, product } = put({ seed: 2, m: size, n: size, k })
  await multiply(pool, c, [a, k, 1], [b, 1, k], { m: size, n: size, k, upper: true })
  const got = pool.floats(c, size * size)
  let left = 0
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const value = got[i * size + j]
      if (j >= i) expect(Math.abs(value - product(i, j))).toBeLessThan(1e-4)
      else if (value === before[i * size + j]) left++
    }
  }
  // Rows 256 to 511 leave 256 columns out, those from 512 on 512.
  expect(left).toBe(256 * 256 + (size - 512) * 512)
})

/** a (m, k), b (n, k) and a c (m, n) of random values at the beginning of the pool, and what a b^T is. */
function put({ seed, m, n, k }: { seed: number; m: number; n: number; k: number }) {
  const random = createRandom(seed)
  const [left, right, before] = [m * k, n * k, m * n].map((count) => Float32Array.from(gaussians(random, count)))
  const start = pool.mark()
  const [a, b, c] = [left, right, before].map((values) => pool.put(values))
  pool.release(start)
  const product = (i: number, j: number) => {
    let sum = 0
    for (let l = 0; l < k; l++) sum += left[i * k + l] * right[j * k + l]
    return sum
  }
  return { a, b, c, before, product }
}

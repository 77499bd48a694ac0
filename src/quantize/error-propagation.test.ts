import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pooled } from '../../test/kernels/pooled.ts'
import { gaussians } from '../../test/kernels/random-values.ts'
import { createRandom, type Random } from '../generate/random.ts'
import { crossMoments, propagateErrors } from './error-propagation.ts'
import { factorize } from './factorize.ts'
import { FloatPool } from './float-pool.ts'
import { secondMoments } from './second-moments.ts'

let pool: FloatPool
let start: number
beforeAll(async () => {
  pool = await FloatPool.create(16e6, 512, 2)
  start = pool.mark()
})
afterAll(() => pool.close())

const put = (values: Float32Array) => pooled(pool, values)

/** Inputs with errors: a part of these is of the inputs themselves, as where a rounded matrix gives too little. */
function inputs(random: Random, count: number, size: number, error: number) {
  const x = gaussians(random, count * size)
  return { x, exact: gaussians(random, count * size).map((value, i) => x[i] * (1 + error) + error * value) }
}

/** Inputs, their moments as a calibration leaves them, and what crossMoments gives. */
async function calibrated(seed: number, count: number, size: number, error: number) {
  pool.release(start)
  const random = createRandom(seed)
  const values = inputs(random, count, size, error)
  const [x, exact] = [put(values.x), put(values.exact)]
  const [h, u, d] = [size * size, size * size, size].map((floats) => put(new Float32Array(floats)))
  await secondMoments(pool, h.pointer, x.pointer, { count, size })
  const moments = { h: h.pointer, u: u.pointer, d: d.pointer }
  await factorize(pool, moments, size)
  const c = put(new Float32Array(size * size))
  await crossMoments(pool, c.pointer, { x: x.pointer, exact: exact.pointer, count, size })
  return { random, ...values, h: h.values, c, moments }
}

it('moves are the solution of least squares, a part of the way', async () => {
  const shape = fc.record({
    seed: fc.integer(),
    rows: fc.integer({ min: 1, max: 150 }),
    size: fc.integer({ min: 8, max: 80 }).map((quads) => 4 * quads),
    more: fc.integer({ min: 1, max: 300 }),
  })
  await fc.assert(
    fc.asyncProperty(shape, async ({ seed, rows, size, more }) => {
      const count = size + more
      const { random, x, exact, h, c, moments } = await calibrated(seed, count, size, 0.3)
      const weights = gaussians(random, rows * size)
      const w = put(weights)
      await propagateErrors(pool, w.pointer, c.pointer, moments, { rows, cols: size })
      const strength = 0.5 * (1 - size / count)
      // (w' - w) h = strength w sum (exact - x) x^T, checked for some rows and columns.
      for (let row = 0; row < rows; row += 37) {
        const errors = Float64Array.from({ length: count }, (_, t) => {
          let sum = 0
          for (let i = 0; i < size; i++) sum += weights[row * size + i] * (exact[t * size + i] - x[t * size + i])
          return sum
        })
        for (let column = 0; column < size; column += 13) {
          let [expected, found, largest] = [0, 0, 0]
          for (let t = 0; t < count; t++) expected += strength * errors[t] * x[t * size + column]
          for (let i = 0; i < size; i++) {
            found += (w.values[row * size + i] - weights[row * size + i]) * h[i * size + column]
            largest += Math.abs(weights[row * size + i] * h[i * size + column])
          }
          expect(Math.abs(found - expected) / largest).toBeLessThan(1e-4)
        }
      }
    }),
    { seed: 72, numRuns: 20 },
  )
})

it('weights stay as they are where inputs have no errors', async () => {
  const [rows, size] = [40, 64]
  const { random, c, moments } = await calibrated(5, 200, size, 0)
  const weights = gaussians(random, rows * size)
  const w = put(weights)
  await propagateErrors(pool, w.pointer, c.pointer, moments, { rows, cols: size })
  expect(w.values).toEqual(weights)
})

it('outputs for inputs of another text are nearer to the exact ones', async () => {
  const [rows, size, count] = [40, 64, 2000]
  const { random, c, moments } = await calibrated(6, count, size, 0.3)
  const weights = gaussians(random, rows * size)
  const w = put(weights)
  await propagateErrors(pool, w.pointer, c.pointer, moments, { rows, cols: size })
  const { x, exact } = inputs(random, 200, size, 0.3)
  const errorOf = (values: Float32Array) => {
    let total = 0
    for (let t = 0; t < 200; t++) {
      for (let row = 0; row < rows; row++) {
        let error = 0
        for (let i = 0; i < size; i++) {
          const at = t * size + i
          error += values[row * size + i] * x[at] - weights[row * size + i] * exact[at]
        }
        total += error * error
      }
    }
    return total
  }
  expect(errorOf(w.values)).toBeLessThan(0.8 * errorOf(weights))
})

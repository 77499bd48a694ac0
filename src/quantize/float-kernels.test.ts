import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { groupScales } from '../../test/kernels/planes.reference.ts'
import { pooled } from '../../test/kernels/pooled.ts'
import { gaussians, integer } from '../../test/kernels/random-values.ts'
import { expectWithin, roundings } from '../../test/kernels/tolerance.ts'
import { createRandom } from '../generate/random.ts'
import { centredZeroPoint } from '../weights/plane-layout.ts'
import { factorize } from './factorize.ts'
import { FloatPool } from './float-pool.ts'
import { quantizeMatrix, resultBytes, unitMoments, unrelatedColumns } from './quantize-matrix.ts'
import { secondMoments } from './second-moments.ts'

let pool: FloatPool
let start: number
beforeAll(async () => {
  pool = await FloatPool.create(16e6, 512, 2)
  start = pool.mark()
})
afterAll(() => pool.close())

/** Floats in the pool's memory, until the next call of `fresh`. */
const put = (values: Float32Array) => pooled(pool, values)
const fresh = () => pool.release(start)

describe('gemm', () => {
  it('multiplies matrices of any shape and layout', async () => {
    const shape = fc.record({
      seed: fc.integer(),
      m: fc.integer({ min: 1, max: 140 }),
      n: fc.integer({ min: 1, max: 40 }),
      k: fc.integer({ min: 1, max: 600 }),
      turnedA: fc.boolean(),
      turnedB: fc.boolean(),
      accumulate: fc.boolean(),
      factor: fc.constantFrom(1, -1),
    })
    await fc.assert(
      fc.asyncProperty(shape, async ({ seed, m, n, k, turnedA, turnedB, accumulate, factor }) => {
        fresh()
        const random = createRandom(seed)
        const [a, b] = [gaussians(random, m * k), gaussians(random, k * n)]
        const cStride = n + integer(random, 0, 3)
        const before = gaussians(random, m * cStride)
        const c = put(before)
        const [aRow, aCol] = turnedA ? [1, m] : [k, 1]
        const [bRow, bCol] = turnedB ? [1, k] : [n, 1]
        const [pa, pb] = [put(a).pointer, put(b).pointer]
        await pool.run([[['gemm', c.pointer, cStride, pa, aRow, aCol, pb, bRow, bCol, m, n, k, factor, accumulate]]])
        const expected = Float64Array.from(before)
        const sizes = new Float64Array(before.length)
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            let [sum, size] = accumulate ? [before[i * cStride + j], Math.abs(before[i * cStride + j])] : [0, 0]
            for (let l = 0; l < k; l++) {
              const product = a[i * aRow + l * aCol] * b[l * bRow + j * bCol]
              sum += factor * product
              size += Math.abs(product)
            }
            expected[i * cStride + j] = sum
            sizes[i * cStride + j] = size
          }
        }
        // What lies between the rows stays as it was.
        expectWithin(c.values, expected, (i) => roundings(k + 2) * sizes[i])
      }),
      { seed: 71, numRuns: 60 },
    )
  })
})

/** Columns that depend on each other, as those of a model do. */
function inputs(count: number, size: number): Float32Array {
  const random = createRandom(size)
  const common = gaussians(random, count)
  return gaussians(random, count * size).map((value, i) => value + ((i % size) % 7) * common[Math.floor(i / size)])
}

describe('factorize', () => {
  it.each([[40], [128], [300]])('gives U and D of the damped second moments of %d inputs', async (size) => {
    fresh()
    const count = 2 * size
    const x = put(inputs(count, size))
    const [h, u, d] = [size * size, size * size, size].map((floats) => put(new Float32Array(floats)))
    await secondMoments(pool, h.pointer, x.pointer, { count, size })
    await factorize(pool, { h: h.pointer, u: u.pointer, d: d.pointer }, size)
    const moments = (i: number, j: number) => {
      let sum = 0
      for (let t = 0; t < count; t++) sum += x.values[t * size + i] * x.values[t * size + j]
      return sum
    }
    let mean = 0
    for (let i = 0; i < size; i++) mean += moments(i, i) / size
    const unit = (i: number, k: number) => (i === k ? 1 : u.values[i * size + k])
    for (let i = 0; i < size; i += 7) {
      for (let j = 0; j <= i; j++) expect(u.values[i * size + j]).toBe(0)
      for (let j = i; j < size; j += 5) {
        let product = 0
        for (let k = j; k < size; k++) product += unit(i, k) * d.values[k] * unit(j, k)
        const expected = moments(i, j) + (i === j ? 0.01 * mean : 0)
        expect(Math.abs(product - expected) / mean).toBeLessThan(1e-4)
        expect(Math.abs(h.values[i * size + j] - expected) / mean).toBeLessThan(1e-4)
        expect(h.values[j * size + i]).toBe(h.values[i * size + j])
      }
    }
  })

  it('takes inputs that are always zero', async () => {
    fresh()
    const size = 64
    const [h, u, d] = [size * size, size * size, size].map((floats) => put(new Float32Array(floats)))
    await secondMoments(pool, h.pointer, put(new Float32Array(8 * size)).pointer, { count: 8, size })
    await factorize(pool, { h: h.pointer, u: u.pointer, d: d.pointer }, size)
    expect([...d.values]).toEqual(new Array(size).fill(1))
  })
})

describe('quantizeMatrix', () => {
  const [rows, cols, count] = [150, 320, 700]

  async function quantized(planes: number, groupSize: 32 | 64) {
    fresh()
    const x = put(inputs(count, cols))
    const [h, u, d] = [cols * cols, cols * cols, cols].map((floats) => put(new Float32Array(floats)))
    await secondMoments(pool, h.pointer, x.pointer, { count, size: cols })
    const moments = { h: h.pointer, u: u.pointer, d: d.pointer }
    await factorize(pool, moments, cols)
    const weights = gaussians(createRandom(9), rows * cols, 0.02)
    const w = put(weights)
    const results = pool.allocate(resultBytes(rows * cols, { groupSize }))
    const matrix = await quantizeMatrix(pool, w.pointer, moments, results, { rows, cols, planes, groupSize })
    return { x: x.values, h: h.values, u: u.values, weights, levels: w.values, matrix }
  }

  /** Sum of the squared errors of all outputs. */
  function outputError(x: Float32Array, weights: ArrayLike<number>, rounded: ArrayLike<number>): number {
    let total = 0
    for (let row = 0; row < rows; row += 10) {
      for (let t = 0; t < count; t += 3) {
        let error = 0
        for (let i = 0; i < cols; i++) error += (weights[row * cols + i] - rounded[row * cols + i]) * x[t * cols + i]
        total += error * error
      }
    }
    return total
  }

  /** e^T H e of one row. */
  function rowError(h: Float32Array, weights: ArrayLike<number>, levels: ArrayLike<number>, row: number): number {
    const error = Float64Array.from({ length: cols }, (_, i) => weights[row * cols + i] - levels[row * cols + i])
    let total = 0
    for (let i = 0; i < cols; i++) for (let j = 0; j < cols; j++) total += error[i] * h[i * cols + j] * error[j]
    return total
  }

  /** The levels of one row by error feedback alone, for scales that are given. */
  function byFeedback(u: Float32Array, weights: Float32Array, scales: Float64Array, planes: number, row: number) {
    const levels = new Float64Array(rows * cols)
    const [most, groupSize] = [2 ** planes - 1, (rows * cols) / scales.length]
    for (let i = 0; i < cols; i++) {
      const at = row * cols + i
      const scale = scales[Math.floor(at / groupSize)]
      let wanted = weights[at]
      for (let k = 0; k < i; k++) wanted += (weights[row * cols + k] - levels[row * cols + k]) * u[k * cols + i]
      levels[at] = scale * (Math.max(0, Math.min(most, Math.round(wanted / scale + most / 2))) - most / 2)
    }
    return levels
  }

  it.each([
    [2, 64],
    [3, 32],
    [4, 64],
  ] as const)(
    'of %d planes in groups of %d leaves less error than feedback alone, and says how much',
    async (planes, groupSize) => {
      const { h, u, weights, levels, matrix } = await quantized(planes, groupSize)
      const scales = groupScales(matrix)
      const zeroPoint = centredZeroPoint(planes)
      for (let at = 0; at < rows * cols; at++) {
        expect(levels[at]).toBeCloseTo(scales[Math.floor(at / groupSize)] * (matrix.q[at] + zeroPoint), 6)
      }
      let [total, some, fedBack] = [0, 0, 0]
      for (let row = 0; row < rows; row++) {
        const error = rowError(h, weights, levels, row)
        total += error
        if (row % 10 !== 0) continue
        some += error
        fedBack += rowError(h, weights, byFeedback(u, weights, scales, planes, row), row)
      }
      expect(Math.abs(matrix.error / total - 1)).toBeLessThan(1e-3)
      expect(some / fedBack).toBeLessThan(0.98)
    },
  )

  it.each([32, 64] as const)(
    'with unit moments is the same for blocks of columns, in groups of %d',
    async (groupSize) => {
      const weights = gaussians(createRandom(9), rows * cols, 0.02)
      const withColumns = async (width: number) => {
        fresh()
        const [h, u, d] = [width * width, width * width, width].map((floats) => pool.allocate(floats * 4))
        unitMoments(pool, { h, u, d }, width)
        const w = put(weights)
        const results = pool.allocate(resultBytes(rows * cols, { groupSize }))
        const shape = { rows, cols, width, planes: 3, groupSize }
        const { q, scales, steps } = await quantizeMatrix(pool, w.pointer, { h, u, d }, results, shape)
        return { q, scales, steps, levels: w.values.slice() }
      }
      expect(unrelatedColumns(cols)).toBe(64)
      expect(await withColumns(64)).toEqual(await withColumns(cols))
    },
  )

  it('does not depend on the number of threads', async () => {
    const expected = await quantized(3, 32)
    const { q, scales, steps } = expected.matrix
    const shared = pool
    pool = await FloatPool.create(16e6, 512, 3)
    try {
      const { matrix } = await quantized(3, 32)
      expect(matrix.q).toEqual(q)
      expect(matrix.scales).toEqual(scales)
      expect(matrix.steps).toEqual(steps)
    } finally {
      await pool.close()
      pool = shared
    }
  })

  it('leaves less error at the outputs than the same levels without feedback', async () => {
    const { x, weights, levels, matrix } = await quantized(2, 64)
    const scales = groupScales(matrix)
    const plain = weights.map((weight, at) => {
      const scale = scales[Math.floor(at / 64)]
      return scale * (Math.max(0, Math.min(3, Math.round(weight / scale + 1.5))) - 1.5)
    })
    expect(outputError(x, weights, levels)).toBeLessThan(0.5 * outputError(x, weights, plain))
  })
})

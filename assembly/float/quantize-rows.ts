import { madd, nearestIntegers, roundingConstant, sumLanes } from '../simd'
import { gemm, gemmScratchBytes } from './gemm'
import { refineRows, refineScratchBytes } from './refine-rows'

// Rounding with error feedback: GPTQ (Frantar et al. 2023) in the form of LDLQ (QuIP, Chee et al. 2023, who show that they are the same).
// For second moments H = U D U^T of the inputs, U unit upper triangular, the squared error of the outputs is
//   sum over columns k of  D_k (sum over i <= k of  (w_i - w^_i) U_ik)^2
// so column k is rounded to the level nearest to  w_k + sum over i < k of (w_i - w^_i) U_ik, which makes its term as small as it can be.

/** Columns that feed back within a block before the rest is done by a product. */
const BLOCK: i32 = 128
/** Most rows of a call. */
const MAX_ROWS: i32 = 128
/** Ranges tried for a group, as shares of the one that spans it, in steps down from 1. */
const RANGES: i32 = 12
const RANGE_STEP: f32 = 0.05

/** Bytes of scratch that quantizeRows takes for matrices of so many columns. */
export function quantizeScratchBytes(cols: i32): i32 {
  return MAX_ROWS * cols * 4 + refineScratchBytes(cols)
}

/**
 * Round weights w (rows, cols) f32 to levels scale * (q - (2^planes - 1) / 2), and w <- the levels. Returns the error that is left: the sum
 * of (w - w^)^T H (w - w^) over the rows.
 * q (rows, cols) u8; scales (rows, cols / groupSize) f32, whole multiples below STEPS of their row's / STEPS; rowScales (rows) f32, exact as half
 * floats, one for each `parts` rows, a divisor of them; u (cols, cols) f32: U above the diagonal, zeros elsewhere; d (cols) f32; h (cols, cols) f32:
 * H, both triangles; groupSize divides BLOCK; at most MAX_ROWS rows. scratch: quantizeScratchBytes.
 */
export function quantizeRows(
  w: usize, q: usize, scales: usize, rowScales: usize, u: usize, d: usize, h: usize, rows: i32, cols: i32, planes: i32, groupSize: i32,
  parts: i32, scratch: usize,
): f64 {
  if (rows > MAX_ROWS) unreachable()
  const errors = scratch
  scratch += MAX_ROWS * cols * 4
  const wanted = scratch + gemmScratchBytes()
  const groups = cols / groupSize
  const most: f32 = <f32>((1 << planes) - 1)
  const middle = most * 0.5
  for (let from = 0; from < cols; from += BLOCK) {
    const width = min(BLOCK, cols - from)
    for (let row = 0; row < rows; row++) memory.copy(wanted + row * BLOCK * 4, w + ((row * cols + from) << 2), width << 2)
    if (from > 0) gemm(wanted, BLOCK, errors, cols, 1, u + (from << 2), cols, 1, rows, width, from, 1, true, scratch)
    for (let row = 0; row < rows; row++) {
      const target = wanted + row * BLOCK * 4
      let scale: f32 = 0, inverse: f32 = 0
      for (let j = 0; j < width; j++) {
        const column = from + j
        if (column % groupSize == 0) {
          scale = chooseScale(target + (j << 2), d + (column << 2), groupSize, most)
          inverse = scale > 0 ? 1 / scale : 0
          f32.store(scales + ((row * groups + column / groupSize) << 2), scale)
        }
        const at = row * cols + column
        const level = nearest(max<f32>(0, min<f32>(most, f32.load(target + (j << 2)) * inverse + middle)))
        const value = scale * (level - middle)
        const error = f32.load(w + (at << 2)) - value
        store<u8>(q + at, <u8><i32>level)
        f32.store(w + (at << 2), value)
        f32.store(errors + (at << 2), error)
        // From the vector that holds the next column on: what is before it gets zeros.
        const feedback = f32x4.splat(error)
        const factors = u + ((column * cols + from) << 2)
        for (let k = ((j + 1) & ~3) << 2; k < width << 2; k += 16) {
          v128.store(target + k, madd(feedback, v128.load(factors + k), v128.load(target + k)))
        }
      }
    }
  }
  return refineRows(w, q, scales, rowScales, errors, h, rows, cols, planes, groupSize, parts, scratch)
}

/** The scale whose levels leave the least squared error of x (size) f32, weighted by h (size) f32, among some tried. */
function chooseScale(x: usize, h: usize, size: i32, most: f32): f32 {
  let largest = f32x4.splat(0)
  for (let i = 0; i < size << 2; i += 16) largest = f32x4.pmax(largest, f32x4.abs(v128.load(x + i)))
  const top = max(
    max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
    max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
  )
  if (!(top > 0)) return 0
  let best: f32 = 0
  let least: f32 = Infinity
  for (let range = 0; range < RANGES; range++) {
    const scale = fit(x, h, size, most, (2 * top * (1 - <f32>range * RANGE_STEP)) / most)
    const error = squaredError(x, h, size, most, scale)
    if (error < least) {
      least = error
      best = scale
    }
  }
  return best
}

/** Centred levels c of four values: x = scale c. */
@inline
function levels(x: v128, inverse: v128, middle: v128, most: v128, rounding: v128): v128 {
  const shifted = f32x4.pmin(f32x4.pmax(madd(x, inverse, middle), f32x4.splat(0)), most)
  return f32x4.sub(f32x4.sub(f32x4.add(shifted, rounding), rounding), middle)
}

/** The scale that fits best by weighted least squares for the levels that `scale` gives. */
function fit(x: usize, h: usize, size: i32, most: f32, scale: f32): f32 {
  const inverse = f32x4.splat(1 / scale), middle = f32x4.splat(most * 0.5), highest = f32x4.splat(most), rounding = roundingConstant()
  let products = f32x4.splat(0), squares = f32x4.splat(0)
  for (let i = 0; i < size << 2; i += 16) {
    const value = v128.load(x + i)
    const level = levels(value, inverse, middle, highest, rounding)
    const weighted = f32x4.mul(level, v128.load(h + i))
    products = madd(weighted, value, products)
    squares = madd(weighted, level, squares)
  }
  const fitted = sumLanes(products) / sumLanes(squares)
  return fitted > 0 ? fitted : scale
}

function squaredError(x: usize, h: usize, size: i32, most: f32, scale: f32): f32 {
  if (!(scale > 0)) return Infinity
  const inverse = f32x4.splat(1 / scale), middle = f32x4.splat(most * 0.5), highest = f32x4.splat(most), rounding = roundingConstant()
  const factor = f32x4.splat(scale)
  let sum = f32x4.splat(0)
  for (let i = 0; i < size << 2; i += 16) {
    const value = v128.load(x + i)
    const error = f32x4.sub(value, f32x4.mul(factor, levels(value, inverse, middle, highest, rounding)))
    sum = madd(f32x4.mul(error, error), v128.load(h + i), sum)
  }
  return sumLanes(sum)
}

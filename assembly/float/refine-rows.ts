import { STEPS } from '../layout'
import { madd, sumLanes } from '../simd'
import { gemm, gemmScratchBytes } from './gemm'
import { roundToHalf } from './round-to-half'

// Coordinate descent on the error that a rounded row leaves at its outputs,  e^T H e  with  e = w - w^:  each level in turn becomes the
// one that fits best to all others as they are, and each scale the one of least squares for its levels (QuantEase, Behdin et al. 2023).
// Feedback looks only ahead, at what is not rounded yet; this looks at both sides, and no step of it makes the error larger.

/** Columns whose gradient is kept current one by one; the rest is done by a product. */
const BLOCK: i32 = 128
/** Most rows of a call. */
const MAX_ROWS: i32 = 128
/** Times through all columns, the last with scales in steps: a third gains 1 % or less. */
const PASSES: i32 = 2
/** The smallest half float. */
const SMALLEST: f32 = 5.9604644775390625e-8

/** Bytes of scratch that refineRows takes for matrices of so many columns. */
export function refineScratchBytes(cols: i32): i32 {
  return gemmScratchBytes() + (MAX_ROWS * (cols + BLOCK) + 2 * BLOCK) * 4
}

/**
 * w (rows, cols) f32, q (rows, cols) u8 and scales (rows, cols / groupSize) f32, any, as feedback leaves them, errors (rows, cols) f32 = what was
 * rounded - w: all <- what leaves less error, scales in steps of rowScales (rows) f32, which are chosen for them, one for each `parts` rows.
 * h (cols, cols) f32: H, both triangles. Returns the sum of e^T H e over the rows.
 */
export function refineRows(
  w: usize, q: usize, scales: usize, rowScales: usize, errors: usize, h: usize, rows: i32, cols: i32, planes: i32, groupSize: i32, parts: i32,
  scratch: usize,
): f64 {
  const gradients = scratch + gemmScratchBytes()
  const before = gradients + MAX_ROWS * cols * 4
  const local = before + MAX_ROWS * BLOCK * 4
  const product = local + BLOCK * 4
  const groups = cols / groupSize
  gemm(gradients, cols, errors, cols, 1, h, cols, 1, rows, cols, cols, 1, false, scratch)
  for (let pass = 0; pass < PASSES; pass++) {
    const last = pass == PASSES - 1
    if (last) {
      for (let row = 0; row < rows; row++) {
        chooseRowScale(rowScales + (row << 2), scales + (((row - (row % parts)) * groups) << 2), parts * groups)
      }
    }
    for (let from = 0; from < cols; from += BLOCK) {
      const width = min(BLOCK, cols - from)
      const block = h + ((from * cols + from) << 2)
      for (let row = 0; row < rows; row++) {
        const at = row * cols + from
        const kept = before + row * BLOCK * 4
        const step: f32 = last ? f32.load(rowScales + (row << 2)) * (1 / <f32>STEPS) : 0
        memory.copy(local, gradients + (at << 2), width << 2)
        memory.copy(kept, errors + (at << 2), width << 2)
        for (let first = 0; first < width; first += groupSize) {
          const scale = scales + ((row * groups + (from + first) / groupSize) << 2)
          const to = at + first
          refitScale(w + (to << 2), errors + (to << 2), scale, step, local, first, groupSize, block, cols, width, product)
          if (f32.load(scale) > 0) {
            descend(w + (to << 2), q + to, errors + (to << 2), f32.load(scale), local, first, groupSize, block, cols, width, planes)
          }
        }
        for (let k = 0; k < width << 2; k += 16) {
          v128.store(kept + k, f32x4.sub(v128.load(errors + (at << 2) + k), v128.load(kept + k)))
        }
      }
      gemm(gradients, cols, before, BLOCK, 1, h + ((from * cols) << 2), cols, 1, rows, cols, width, 1, true, scratch)
    }
  }
  let total: f64 = 0
  for (let row = 0; row < rows; row++) {
    let sums = f32x4.splat(0)
    for (let k = (row * cols) << 2, end = k + (cols << 2); k < end; k += 16) {
      sums = madd(v128.load(errors + k), v128.load(gradients + k), sums)
    }
    total += <f64>sumLanes(sums)
  }
  return total
}

/** rowScale <- the half float of which the largest of scales (groups) f32 is STEPS - 1 steps. */
@inline
function chooseRowScale(rowScale: usize, scales: usize, groups: i32): void {
  let largest: f32 = 0
  for (let i = 0; i < groups; i++) largest = max(largest, f32.load(scales + (i << 2)))
  const wanted = largest * (<f32>STEPS / <f32>(STEPS - 1))
  f32.store(rowScale, largest > 0 ? max(SMALLEST, roundToHalf(wanted)) : 0)
}

/** to (width) += factor * from (width) */
@inline
function add(to: usize, from: usize, factor: f32, width: i32): void {
  const factors = f32x4.splat(factor)
  for (let k = 0; k < width << 2; k += 16) v128.store(to + k, madd(factors, v128.load(from + k), v128.load(to + k)))
}

/**
 * One group of one row: w = scale c and its errors, (size) f32 each, for the scale that is best for c: where that is better, or of those that are
 * whole steps, if step is not 0.
 * local (width): the gradient H e of the block; block: its rows of H, `cols` apart; first: where the group begins in the block.
 */
function refitScale(
  w: usize, errors: usize, scale: usize, step: f32, local: usize, first: i32, size: i32, block: usize, cols: i32, width: i32, product: usize,
): void {
  const old = f32.load(scale)
  if (!(old > 0)) return
  memory.fill(product, 0, width << 2)
  for (let i = 0; i < size; i++) add(product, block + (((first + i) * cols) << 2), f32.load(w + (i << 2)), width)
  let downhill = f32x4.splat(0), curvature = downhill
  for (let k = 0; k < size << 2; k += 16) {
    const values = v128.load(w + k)
    downhill = madd(values, v128.load(local + (first << 2) + k), downhill)
    curvature = madd(values, v128.load(product + (first << 2) + k), curvature)
  }
  // For w = old * c: along w, by shares of itself.
  const slope = sumLanes(downhill), bend = sumLanes(curvature)
  let fitted = bend > 0 ? old * max<f32>(0, 1 + slope / bend) : old
  if (step > 0) fitted = step * min<f32>(<f32>(STEPS - 1), nearest(fitted / step))
  const share = fitted / old - 1
  if (step == 0 && (fitted == 0 || !(share * (share * bend - 2 * slope) < 0))) return
  f32.store(scale, fitted)
  add(errors, w, -share, size)
  add(local, product, -share, width)
  const ratio = f32x4.splat(fitted / old)
  for (let k = 0; k < size << 2; k += 16) v128.store(w + k, f32x4.mul(v128.load(w + k), ratio))
}

/** One group of one row: each level <- the nearest to where the error is least, all others as they are. */
function descend(
  w: usize, q: usize, errors: usize, scale: f32, local: usize, first: i32, size: i32, block: usize, cols: i32, width: i32, planes: i32,
): void {
  const most: f32 = <f32>((1 << planes) - 1)
  const middle = most * 0.5
  const inverse: f32 = 1 / scale
  for (let i = 0; i < size; i++) {
    const from = block + (((first + i) * cols) << 2)
    const held = load<u8>(q + i)
    const best = <f32>held + (f32.load(local + ((first + i) << 2)) / f32.load(from + ((first + i) << 2))) * inverse
    const level = nearest(max<f32>(0, min<f32>(most, best)))
    if (level == <f32>held) continue
    const value = scale * (level - middle)
    const step = value - f32.load(w + (i << 2))
    store<u8>(q + i, <u8><i32>level)
    f32.store(w + (i << 2), value)
    f32.store(errors + (i << 2), f32.load(errors + (i << 2)) - step)
    add(local, from, -step, width)
  }
}

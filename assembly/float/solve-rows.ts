import { madd, sumLanes } from '../simd'
import { gemm } from './gemm'

/** Columns that are solved one by one; what is between blocks is a product. */
const BLOCK: i32 = 128

/**
 * b (rows, cols) f32 <- X with X (I + U) D (I + U)^T = b. u (cols, cols) f32: U above the diagonal, zeros elsewhere; d (cols) f32; cols a
 * multiple of 4. scratch: gemmScratchBytes.
 */
export function solveRows(b: usize, u: usize, d: usize, rows: i32, cols: i32, scratch: usize): void {
  divideByTransposed(b, u, rows, cols, scratch)
  for (let row = 0; row < rows; row++) {
    const x = b + ((row * cols) << 2)
    for (let k = 0; k < cols << 2; k += 16) v128.store(x + k, f32x4.div(v128.load(x + k), v128.load(d + k)))
  }
  divideBy(b, u, rows, cols, scratch)
}

/** b (rows, cols) <- X with X (I + U)^T = b, from the last column on. */
function divideByTransposed(b: usize, u: usize, rows: i32, cols: i32, scratch: usize): void {
  for (let from = ((cols - 1) / BLOCK) * BLOCK; from >= 0; from -= BLOCK) {
    const end = min(from + BLOCK, cols)
    if (end < cols) {
      const behind = u + ((from * cols + end) << 2)
      gemm(b + (from << 2), cols, b + (end << 2), cols, 1, behind, 1, cols, rows, end - from, cols - end, -1, true, scratch)
    }
    for (let row = 0; row < rows; row++) {
      const x = b + ((row * cols) << 2)
      for (let k = end - 2; k >= from; k--) {
        const factors = u + ((k * cols) << 2)
        let sums = f32x4.splat(0)
        // Up to the diagonal U has zeros.
        for (let i = (k & ~3) << 2; i < end << 2; i += 16) sums = madd(v128.load(x + i), v128.load(factors + i), sums)
        f32.store(x + (k << 2), f32.load(x + (k << 2)) - sumLanes(sums))
      }
    }
  }
}

/** b (rows, cols) <- X with X (I + U) = b, from the first column on. */
function divideBy(b: usize, u: usize, rows: i32, cols: i32, scratch: usize): void {
  for (let from = 0; from < cols; from += BLOCK) {
    const end = min(from + BLOCK, cols)
    if (from > 0) gemm(b + (from << 2), cols, b, cols, 1, u + (from << 2), cols, 1, rows, end - from, from, -1, true, scratch)
    for (let row = 0; row < rows; row++) {
      const x = b + ((row * cols) << 2)
      for (let k = from; k < end - 1; k++) {
        const value = f32x4.splat(-f32.load(x + (k << 2)))
        const factors = u + ((k * cols) << 2)
        for (let i = (k & ~3) << 2; i < end << 2; i += 16) v128.store(x + i, madd(value, v128.load(factors + i), v128.load(x + i)))
      }
    }
  }
}

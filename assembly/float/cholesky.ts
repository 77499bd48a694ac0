import { madd, sumLanes } from '../simd'

// The parts of a blocked Cholesky factorization A = L L^T that are no matrix product: what is done to a block column. The rest of A is
// updated by gemm.

/** a (size, size) f32, rows `stride` floats apart: its lower triangle <- L. Returns false where a is not positive definite. */
export function factorDiagonal(a: usize, stride: i32, size: i32): bool {
  for (let j = 0; j < size; j++) {
    const row = a + ((j * stride) << 2)
    for (let i = j; i < size; i++) {
      const other = a + ((i * stride) << 2)
      let sum: f64 = f32.load(other + (j << 2))
      for (let k = 0; k < j; k++) sum -= <f64>f32.load(row + (k << 2)) * <f64>f32.load(other + (k << 2))
      if (i == j) {
        if (!(sum > 0)) return false
        f32.store(row + (j << 2), <f32>sqrt<f64>(sum))
      } else f32.store(other + (j << 2), <f32>(sum / <f64>f32.load(row + (j << 2))))
    }
  }
  return true
}

/** a (rows, size) f32 <- X with X L^T = a, for L (size, size) lower triangular; rows of both `stride` floats apart; size a multiple of 4. */
export function solvePanel(a: usize, l: usize, stride: i32, rows: i32, size: i32): void {
  for (let i = 0; i < rows; i++) {
    const x = a + ((i * stride) << 2)
    for (let j = 0; j < size; j++) {
      const row = l + ((j * stride) << 2)
      let sums = f32x4.splat(0)
      let k = 0
      for (; k + 4 <= j; k += 4) sums = madd(v128.load(x + (k << 2)), v128.load(row + (k << 2)), sums)
      let sum = sumLanes(sums)
      for (; k < j; k++) sum += f32.load(x + (k << 2)) * f32.load(row + (k << 2))
      f32.store(x + (j << 2), (f32.load(x + (j << 2)) - sum) / f32.load(row + (j << 2)))
    }
  }
}

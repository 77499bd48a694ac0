import { madd, sumLanes } from './simd'

/**
 * out <- x / sqrt(mean(x^2) + eps) * weight   (RMSNorm, Zhang & Sennrich 2019)
 * out, x (columns, size) f32; weight (size) f32; size a multiple of 4.
 */
export function rmsNorm(out: usize, x: usize, weight: usize, size: i32, columns: i32, eps: f32): void {
  const bytes = size << 2
  for (let column = 0; column < columns; column++) {
    let squares = f32x4.splat(0)
    for (let i = 0; i < bytes; i += 16) {
      const v = v128.load(x + i)
      squares = madd(v, v, squares)
    }
    const inverse = f32x4.splat(1 / sqrt<f32>(sumLanes(squares) / <f32>size + eps))
    for (let i = 0; i < bytes; i += 16) {
      v128.store(out + i, f32x4.mul(f32x4.mul(v128.load(x + i), inverse), v128.load(weight + i)))
    }
    x += bytes
    out += bytes
  }
}

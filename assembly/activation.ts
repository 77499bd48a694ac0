import { exp4 } from './simd'

/**
 * gate <- silu(gate) * up,  silu(x) = x / (1 + e^-x)   (SwiGLU, Shazeer 2020)
 * gate, up (size) f32; size a multiple of 4.
 */
export function siluMultiply(gate: usize, up: usize, size: i32): void {
  const bytes = size << 2
  const one = f32x4.splat(1)
  for (let i = 0; i < bytes; i += 16) {
    const x = v128.load(gate + i)
    v128.store(gate + i, f32x4.mul(f32x4.div(x, f32x4.add(one, exp4(f32x4.neg(x)))), v128.load(up + i)))
  }
}

import { madd } from './simd'

/**
 * Rotate one token's heads in place (RoPE, Su et al. 2021), element i with i + headDim / 2 (the Hugging Face layout).
 * x (heads, headDim) f32; cos, sin (headDim / 2) f32 of the token's position; headDim a multiple of 8.
 */
export function ropeHalf(x: usize, cos: usize, sin: usize, heads: i32, headDim: i32): void {
  const half = headDim << 1
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i += 16) {
      const a = v128.load(x + i),
        b = v128.load(x + half + i)
      const c = v128.load(cos + i),
        s = v128.load(sin + i)
      v128.store(x + i, madd(a, c, f32x4.neg(f32x4.mul(b, s))))
      v128.store(x + half + i, madd(b, c, f32x4.mul(a, s)))
    }
    x += headDim << 2
  }
}

/** The same, element 2i with 2i + 1 (the original and the GGUF layout). */
export function ropeInterleaved(x: usize, cos: usize, sin: usize, heads: i32, headDim: i32): void {
  const half = headDim << 1
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i += 16) {
      const p = x + (i << 1)
      const low = v128.load(p),
        high = v128.load(p, 16)
      const a = v128.shuffle<f32>(low, high, 0, 2, 4, 6),
        b = v128.shuffle<f32>(low, high, 1, 3, 5, 7)
      const c = v128.load(cos + i),
        s = v128.load(sin + i)
      const ra = madd(a, c, f32x4.neg(f32x4.mul(b, s)))
      const rb = madd(b, c, f32x4.mul(a, s))
      v128.store(p, v128.shuffle<f32>(ra, rb, 0, 4, 1, 5))
      v128.store(p, v128.shuffle<f32>(ra, rb, 2, 6, 3, 7), 16)
    }
    x += headDim << 2
  }
}

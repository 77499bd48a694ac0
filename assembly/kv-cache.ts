import { KV_GROUP } from './layout'
import { maxLanes } from './simd'

// The KV cache of one layer and one sequence, for keys and for values alike:
//   int8 (kvHeads, capacity, headDim), then f32 scales (kvHeads, capacity, headDim / 32).
// headDim is a multiple of 32; scale = largest |x| of 32 elements / 127.

/** log2 of KV_GROUP. */
export const GROUPS_SHIFT: i32 = 5

/** Bytes of the keys, or the values, of one layer. */
export function kvBytes(kvHeads: i32, capacity: i32, headDim: i32): i32 {
  return kvHeads * capacity * (headDim + (headDim / KV_GROUP) * 4)
}

/**
 * cache[position] <- x, rounded to int8.
 * x (kvHeads, headDim) f32.
 */
export function storeKv(cache: usize, x: usize, position: i32, kvHeads: i32, capacity: i32, headDim: i32): void {
  const groups = headDim >> GROUPS_SHIFT
  const scales = cache + kvHeads * capacity * headDim
  for (let head = 0; head < kvHeads; head++) {
    const slot = head * capacity + position
    let out = cache + slot * headDim
    let scale = scales + ((slot * groups) << 2)
    for (let group = 0; group < groups; group++) {
      let largest = f32x4.splat(0)
      for (let i = 0; i < 128; i += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(x + i)))
      const top = maxLanes(largest)
      f32.store(scale, top / 127)
      const inverse = f32x4.splat(top > 0 ? 127 / top : 0)
      for (let i = 0; i < 2; i++) {
        const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), inverse)))
        const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 16), inverse)))
        const c = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 32), inverse)))
        const d = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 48), inverse)))
        v128.store(out, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)))
        x += 64
        out += 16
      }
      scale += 4
    }
  }
}

import { KV_GROUP } from './layout'
import { exp4, madd, maxLanes, sumLanes } from './simd'

// The KV cache of one layer and one sequence, for keys and for values alike:
//   int8 (kvHeads, capacity, headDim), then f32 scales (kvHeads, capacity, headDim / 32).
// headDim is a multiple of 32; scale = largest |x| of 32 elements / 127.

const GROUPS_SHIFT: i32 = 5

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

/** q16 (headDim) i16 <- q (headDim) f32; returns the scale: q = scale * q16. Sums of 32 products with int8 stay under 2^27. */
@inline
function roundQuery(q16: usize, q: usize, headDim: i32): f32 {
  const bytes = headDim << 2
  let largest = f32x4.splat(0)
  for (let i = 0; i < bytes; i += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(q + i)))
  const top = maxLanes(largest)
  const inverse = f32x4.splat(top > 0 ? 32767 / top : 0)
  for (let i = 0; i < bytes; i += 32) {
    const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(q + i), inverse)))
    const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(q + i, 16), inverse)))
    v128.store(q16 + (i >> 1), i16x8.narrow_i32x4_s(a, b))
  }
  return top / 32767
}

/** scores (count) f32 <- q16 . k[position] * scale */
@inline
function score(scores: usize, q16: usize, keys: usize, keyScales: usize, count: i32, headDim: i32, scale: f32): void {
  const groups = headDim >> GROUPS_SHIFT
  for (let position = 0; position < count; position++) {
    let total = f32x4.splat(0)
    let q = q16
    for (let group = 0; group < groups; group++) {
      let dot = i32x4.dot_i16x8_s(v128.load8x8_s(keys), v128.load(q))
      dot = i32x4.add(dot, i32x4.dot_i16x8_s(v128.load8x8_s(keys, 8), v128.load(q, 16)))
      dot = i32x4.add(dot, i32x4.dot_i16x8_s(v128.load8x8_s(keys, 16), v128.load(q, 32)))
      dot = i32x4.add(dot, i32x4.dot_i16x8_s(v128.load8x8_s(keys, 24), v128.load(q, 48)))
      total = madd(f32x4.convert_i32x4_s(dot), v128.load32_splat(keyScales), total)
      keys += 32
      q += 64
      keyScales += 4
    }
    f32.store(scores + (position << 2), sumLanes(total) * scale)
  }
}

/** scores (count) f32 <- e^(score - largest); returns their sum. Memory up to a multiple of four scores is overwritten. */
@inline
function exponentials(scores: usize, count: i32): f32 {
  const padded = ((count + 3) & ~3) << 2
  for (let i = count << 2; i < padded; i += 4) f32.store(scores + i, -Infinity)
  let largest = v128.load(scores)
  for (let i = 16; i < padded; i += 16) largest = f32x4.max(largest, v128.load(scores + i))
  const top = f32x4.splat(maxLanes(largest))
  let total = f32x4.splat(0)
  for (let i = 0; i < padded; i += 16) {
    const e = exp4(f32x4.sub(v128.load(scores + i), top))
    v128.store(scores + i, e)
    total = f32x4.add(total, e)
  }
  return sumLanes(total)
}

/** out (32) f32 <- sum over positions of weight[position] * v[position], one group of 32 elements of a head. */
@inline
function weighValues(
  out: usize, weights: usize, values: usize, valueScales: usize, count: i32, headDim: i32, normalizer: f32,
): void {
  const scaleStride = headDim >> GROUPS_SHIFT << 2
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0
  for (let position = 0; position < count; position++) {
    const weight = f32x4.splat(f32.load(weights + (position << 2)) * f32.load(valueScales))
    let v = v128.load8x8_s(values)
    s0 = madd(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)), weight, s0)
    s1 = madd(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), weight, s1)
    v = v128.load8x8_s(values, 8)
    s2 = madd(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)), weight, s2)
    s3 = madd(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), weight, s3)
    v = v128.load8x8_s(values, 16)
    s4 = madd(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)), weight, s4)
    s5 = madd(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), weight, s5)
    v = v128.load8x8_s(values, 24)
    s6 = madd(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)), weight, s6)
    s7 = madd(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), weight, s7)
    values += headDim
    valueScales += scaleStride
  }
  const n = f32x4.splat(normalizer)
  v128.store(out, f32x4.mul(s0, n))
  v128.store(out, f32x4.mul(s1, n), 16)
  v128.store(out, f32x4.mul(s2, n), 32)
  v128.store(out, f32x4.mul(s3, n), 48)
  v128.store(out, f32x4.mul(s4, n), 64)
  v128.store(out, f32x4.mul(s5, n), 80)
  v128.store(out, f32x4.mul(s6, n), 96)
  v128.store(out, f32x4.mul(s7, n), 112)
}

/** Bytes of scratch memory that `attend` needs. */
export function attendScratchBytes(capacity: i32, headDim: i32): i32 {
  return ((capacity + 3) & ~3) * 4 + headDim * 2
}

/**
 * out <- softmax(q k / sqrt(headDim)) v over the first `count` positions, for all heads of one token (grouped-query
 * attention, Ainslie et al. 2023: query head h reads KV head h * kvHeads / heads).
 * out, q (heads, headDim) f32; keys, values: caches as above; scratch: attendScratchBytes.
 */
export function attend(
  out: usize, q: usize, keys: usize, values: usize, scratch: usize,
  count: i32, heads: i32, kvHeads: i32, capacity: i32, headDim: i32,
): void {
  const groups = headDim >> GROUPS_SHIFT
  const queriesPerKv = heads / kvHeads
  const q16 = scratch + (((capacity + 3) & ~3) << 2)
  const scalesAt = kvHeads * capacity * headDim
  const normalizer: f32 = 1 / sqrt<f32>(<f32>headDim)
  for (let head = 0; head < heads; head++) {
    const slot = (head / queriesPerKv) * capacity
    const scale = roundQuery(q16, q, headDim) * normalizer
    score(scratch, q16, keys + slot * headDim, keys + scalesAt + ((slot * groups) << 2), count, headDim, scale)
    const total = exponentials(scratch, count)
    const v = values + slot * headDim
    const vScales = values + scalesAt + ((slot * groups) << 2)
    for (let group = 0; group < groups; group++) {
      weighValues(out + (group << 7), scratch, v + (group << 5), vScales + (group << 2), count, headDim, 1 / total)
    }
    q += headDim << 2
    out += headDim << 2
  }
}

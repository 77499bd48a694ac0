import { GROUPS_SHIFT } from './kv-cache'
import { KV_GROUP } from './layout'
import { exp4, madd, maxLanes, sumLanes } from './simd'

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

/** The products of 32 elements of a query, q (32) i16, and of a key: four sums, of which the sum is the dot product. */
@inline
function dotGroup(keys: usize, q0: v128, q1: v128, q2: v128, q3: v128): v128 {
  const a = i32x4.add(i32x4.dot_i16x8_s(v128.load8x8_s(keys), q0), i32x4.dot_i16x8_s(v128.load8x8_s(keys, 8), q1))
  const b = i32x4.add(i32x4.dot_i16x8_s(v128.load8x8_s(keys, 16), q2), i32x4.dot_i16x8_s(v128.load8x8_s(keys, 24), q3))
  return f32x4.convert_i32x4_s(i32x4.add(a, b))
}

/** scores (count) f32 <- q16 . k[position] * scale. Four positions at a time, which share the loads of the query. */
@inline
function score(scores: usize, q16: usize, keys: usize, keyScales: usize, count: i32, headDim: i32, scale: f32): void {
  const groups = headDim >> GROUPS_SHIFT
  const scaleStride = groups << 2
  const scales = f32x4.splat(scale)
  let position = 0
  for (; position + 4 <= count; position += 4) {
    let a = f32x4.splat(0), b = a, c = a, d = a
    for (let group = 0; group < groups; group++) {
      const q = q16 + (group << 6), k = keys + (group << 5), s = keyScales + (group << 2)
      const q0 = v128.load(q), q1 = v128.load(q, 16), q2 = v128.load(q, 32), q3 = v128.load(q, 48)
      a = madd(dotGroup(k, q0, q1, q2, q3), v128.load32_splat(s), a)
      b = madd(dotGroup(k + headDim, q0, q1, q2, q3), v128.load32_splat(s + scaleStride), b)
      c = madd(dotGroup(k + 2 * headDim, q0, q1, q2, q3), v128.load32_splat(s + 2 * scaleStride), c)
      d = madd(dotGroup(k + 3 * headDim, q0, q1, q2, q3), v128.load32_splat(s + 3 * scaleStride), d)
    }
    const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
    const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7))
    const sums = f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7))
    v128.store(scores + (position << 2), f32x4.mul(sums, scales))
    keys += headDim << 2
    keyScales += scaleStride << 2
  }
  for (; position < count; position++) {
    let total = f32x4.splat(0)
    for (let group = 0; group < groups; group++) {
      const q = q16 + (group << 6)
      const dot = dotGroup(keys + (group << 5), v128.load(q), v128.load(q, 16), v128.load(q, 32), v128.load(q, 48))
      total = madd(dot, v128.load32_splat(keyScales + (group << 2)), total)
    }
    f32.store(scores + (position << 2), sumLanes(total) * scale)
    keys += headDim
    keyScales += scaleStride
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

/** tile (count, 32) f32 <- one group of 32 elements of `count` values, which are headDim bytes apart, and their scales scaleStride. */
@inline
function dequantize(tile: usize, values: usize, valueScales: usize, count: i32, headDim: i32, scaleStride: i32): void {
  const end = tile + (count << 7)
  for (; tile < end; tile += 128) {
    const scale = v128.load32_splat(valueScales)
    for (let i = 0; i < 4; i++) {
      const v = v128.load8x8_s(values + (i << 3)), to = tile + (i << 5)
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)), scale))
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)), scale), 16)
    }
    values += headDim
    valueScales += scaleStride
  }
}

/** out (32) f32 += sum over positions of weights (count) * tile (count, 32). */
@inline
function weighValues(out: usize, weights: usize, tile: usize, count: i32): void {
  let s0 = v128.load(out), s1 = v128.load(out, 16), s2 = v128.load(out, 32), s3 = v128.load(out, 48)
  let s4 = v128.load(out, 64), s5 = v128.load(out, 80), s6 = v128.load(out, 96), s7 = v128.load(out, 112)
  const end = tile + (count << 7)
  for (; tile < end; tile += 128) {
    const weight = v128.load32_splat(weights)
    s0 = madd(v128.load(tile), weight, s0)
    s1 = madd(v128.load(tile, 16), weight, s1)
    s2 = madd(v128.load(tile, 32), weight, s2)
    s3 = madd(v128.load(tile, 48), weight, s3)
    s4 = madd(v128.load(tile, 64), weight, s4)
    s5 = madd(v128.load(tile, 80), weight, s5)
    s6 = madd(v128.load(tile, 96), weight, s6)
    s7 = madd(v128.load(tile, 112), weight, s7)
    weights += 4
  }
  v128.store(out, s0)
  v128.store(out, s1, 16)
  v128.store(out, s2, 32)
  v128.store(out, s3, 48)
  v128.store(out, s4, 64)
  v128.store(out, s5, 80)
  v128.store(out, s6, 96)
  v128.store(out, s7, 112)
}

/** x (size) f32 *= factor */
@inline
function scaleBy(x: usize, size: i32, factor: f32): void {
  const factors = f32x4.splat(factor)
  for (let i = 0; i < size << 2; i += 16) v128.store(x + i, f32x4.mul(v128.load(x + i), factors))
}

/** Positions whose keys, or values, are read by all queries of a KV head before the next: they stay in the first-level cache. */
const TILE: i32 = 64

/** Bytes of a row of scores. */
@inline
function scoreBytes(capacity: i32): i32 {
  return ((capacity + 3) & ~3) << 2
}

/** Bytes of scratch memory that `attend` needs, with `queries` query heads to a KV head. */
export function attendScratchBytes(capacity: i32, headDim: i32, queries: i32): i32 {
  return queries * (scoreBytes(capacity) + headDim * 2 + 4) + TILE * KV_GROUP * 4
}

/**
 * out <- softmax(q k / sqrt(headDim)) v over the first `count` positions, for all heads of one token (grouped-query
 * attention, Ainslie et al. 2023: query head h reads KV head h * kvHeads / heads).
 * out, q (heads, headDim) f32; keys, values: as in kv-cache.ts; scratch: attendScratchBytes.
 */
export function attend(
  out: usize, q: usize, keys: usize, values: usize, scratch: usize,
  count: i32, heads: i32, kvHeads: i32, capacity: i32, headDim: i32,
): void {
  const groups = headDim >> GROUPS_SHIFT
  const queries = heads / kvHeads
  const row = scoreBytes(capacity)
  // scores (queries, row), tile (TILE, 32) f32, q16 (queries, headDim) i16, factors (queries) f32
  const tile = scratch + queries * row
  const q16 = tile + TILE * KV_GROUP * 4
  const factors = q16 + queries * headDim * 2
  const scalesAt = kvHeads * capacity * headDim
  const normalizer: f32 = 1 / sqrt<f32>(<f32>headDim)
  for (let head = 0; head < kvHeads; head++) {
    for (let i = 0; i < queries; i++) {
      f32.store(factors + (i << 2), roundQuery(q16 + i * headDim * 2, q + ((i * headDim) << 2), headDim) * normalizer)
    }
    for (let first = 0; first < count; first += TILE) {
      const slot = head * capacity + first
      const k = keys + slot * headDim, kScales = keys + scalesAt + ((slot * groups) << 2)
      for (let i = 0; i < queries; i++) {
        const to = scratch + i * row + (first << 2)
        score(to, q16 + i * headDim * 2, k, kScales, min(TILE, count - first), headDim, f32.load(factors + (i << 2)))
      }
    }
    for (let i = 0; i < queries; i++) f32.store(factors + (i << 2), 1 / exponentials(scratch + i * row, count))
    memory.fill(out, 0, (queries * headDim) << 2)
    for (let first = 0; first < count; first += TILE) {
      const slot = head * capacity + first
      const v = values + slot * headDim, vScales = values + scalesAt + ((slot * groups) << 2)
      const here = min(TILE, count - first)
      for (let group = 0; group < groups; group++) {
        dequantize(tile, v + (group << 5), vScales + (group << 2), here, headDim, groups << 2)
        for (let i = 0; i < queries; i++) {
          weighValues(out + ((i * headDim) << 2) + (group << 7), scratch + i * row + (first << 2), tile, here)
        }
      }
    }
    for (let i = 0; i < queries; i++) scaleBy(out + ((i * headDim) << 2), headDim, f32.load(factors + (i << 2)))
    q += (queries * headDim) << 2
    out += (queries * headDim) << 2
  }
}

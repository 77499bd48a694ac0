import { DOTS_ROWS } from './dots'
import { maxLanes, nearestIntegers, roundingConstant, sumIntegers } from './simd'

// The KV cache of one layer and one sequence. Keys and values are bytes, -127 .. 127, with one scale for a head of a position: the largest
// |x| / 127. Stage rotates both by a Hadamard matrix before they come here, so that no outlier decides that scale.
//
// Bytes stand in the order in which `dots` reads them, four that are added up side by side. "slots" is the capacity in whole tiles of
// positions:
//   keys      int8 (kvHeads, slots / 8, headDim / 4, 8 positions, 4 elements), f32 scales (kvHeads, slots), i32 biases (kvHeads, slots)
//   values    int8 (kvHeads, slots / 64, headDim / 8, 64 / 4, 8 elements, 4 positions), f32 scales (kvHeads, slots)
// bias = -QUERY_ZERO * (sum of the key's bytes): what makes up for the zero point of a query's bytes.

/** Positions of a tile. Its keys and values (headDim 128) fill half of a first-level cache. */
export const TILE: i32 = 64
/** Bytes of a query are elements of -63 .. 63 plus this: the second operand of the relaxed dot product has to be 0 .. 127. */
export const QUERY_ZERO: i32 = 64
/** Largest size of a byte of the cache. */
const BYTE_MAX: f32 = 127

/** Positions that a cache of `capacity` has room for. */
@inline
export function slotsOf(capacity: i32): i32 {
  return (capacity + TILE - 1) & -TILE
}

/** Bytes of the keys of one layer. */
export function keyBytes(kvHeads: i32, capacity: i32, headDim: i32): i32 {
  return kvHeads * slotsOf(capacity) * (headDim + 8)
}

/** Bytes of the values of one layer. */
export function valueBytes(kvHeads: i32, capacity: i32, headDim: i32): i32 {
  return kvHeads * slotsOf(capacity) * (headDim + 4)
}

/** Largest |x| of x (size) f32. */
@inline
export function largestOf(x: usize, size: i32): f32 {
  let largest = f32x4.splat(0)
  for (const end = x + (size << 2); x < end; x += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(x)))
  return maxLanes(largest)
}

/** keys[position] <- x (kvHeads, headDim) f32, rounded to bytes. */
export function storeKey(keys: usize, x: usize, position: i32, kvHeads: i32, capacity: i32, headDim: i32): void {
  const slots = slotsOf(capacity)
  const scales = keys + kvHeads * slots * headDim
  const biases = scales + ((kvHeads * slots) << 2)
  const rounding = roundingConstant()
  for (let head = 0; head < kvHeads; head++) {
    const slot = head * slots + position
    const top = largestOf(x, headDim)
    f32.store(scales + (slot << 2), top / BYTE_MAX)
    const inverse = f32x4.splat(top > 0 ? BYTE_MAX / top : 0)
    let sum = i32x4.splat(0)
    let to = keys + (slot & -DOTS_ROWS) * headDim + ((slot & (DOTS_ROWS - 1)) << 2)
    for (const end = x + (headDim << 2); x < end; x += 16) {
      const bytes = nearestIntegers(f32x4.mul(v128.load(x), inverse), rounding)
      sum = i32x4.add(sum, bytes)
      const pairs = i16x8.narrow_i32x4_s(bytes, bytes)
      v128.store32_lane(to, i8x16.narrow_i16x8_s(pairs, pairs), 0)
      to += DOTS_ROWS * 4
    }
    i32.store(biases + (slot << 2), -QUERY_ZERO * sumIntegers(sum))
  }
}

/** values[position] <- x (kvHeads, headDim) f32, rounded to bytes. */
export function storeValue(values: usize, x: usize, position: i32, kvHeads: i32, capacity: i32, headDim: i32): void {
  const slots = slotsOf(capacity)
  const scales = values + kvHeads * slots * headDim
  const rounding = roundingConstant()
  const shift = (position & 3) << 3
  const mask = i32x4.shl(i32x4.splat(0xff), shift)
  for (let head = 0; head < kvHeads; head++) {
    const slot = head * slots + position
    const top = largestOf(x, headDim)
    f32.store(scales + (slot << 2), top / BYTE_MAX)
    const inverse = f32x4.splat(top > 0 ? BYTE_MAX / top : 0)
    let to = values + (slot & -TILE) * headDim + ((slot & (TILE - 4)) << 3)
    for (const end = x + (headDim << 2); x < end; x += 32) {
      const low = i32x4.shl(nearestIntegers(f32x4.mul(v128.load(x), inverse), rounding), shift)
      const high = i32x4.shl(nearestIntegers(f32x4.mul(v128.load(x, 16), inverse), rounding), shift)
      v128.store(to, v128.bitselect(low, v128.load(to), mask))
      v128.store(to, v128.bitselect(high, v128.load(to, 16), mask), 16)
      to += TILE * DOTS_ROWS
    }
  }
}

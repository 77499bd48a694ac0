import { SCALE_BYTES, TABLE_ENTRIES, TILE_ROWS, VECTOR_BYTES } from './layout'
import { addFour, addLookup } from './planes-sums'
import { halvesHigh, halvesLow, nibbleMask, pairWeights } from './simd'

/** Four rows of four columns: their sums are lanes of sa .. sd, their factors stand side by side. */
@inline
function addColumns(
  y: usize, yStride: i32, sa: v128, sb: v128, sc: v128, sd: v128, scale: v128, min: v128, factors: usize,
): void {
  addFour(y, sa, scale, v128.load32_splat(factors), min, v128.load32_splat(factors, 4))
  addFour(y + yStride, sb, scale, v128.load32_splat(factors, 8), min, v128.load32_splat(factors, 12))
  addFour(y + 2 * yStride, sc, scale, v128.load32_splat(factors, 16), min, v128.load32_splat(factors, 20))
  addFour(y + 3 * yStride, sd, scale, v128.load32_splat(factors, 24), min, v128.load32_splat(factors, 28))
}

/** y (4 columns, 8) f32 += 16-bit sums: scales are unpacked once for four columns. `times`: 1, or 16 for planes 4-7. */
@inline
function addEightOfFour(
  y: usize, yStride: i32, sa: v128, sb: v128, sc: v128, sd: v128,
  scales: usize, factors: usize, times: f32, centre: f32, hasMin: bool,
): void {
  const halves = v128.load(scales)
  let low = halvesLow(halves), high = halvesHigh(halves)
  let minLow = f32x4.mul(low, f32x4.splat(centre)), minHigh = f32x4.mul(high, f32x4.splat(centre))
  if (hasMin) {
    const minimums = v128.load(scales, TILE_ROWS * SCALE_BYTES)
    minLow = f32x4.add(minLow, halvesLow(minimums))
    minHigh = f32x4.add(minHigh, halvesHigh(minimums))
  }
  if (times != 1) {
    low = f32x4.mul(low, f32x4.splat(times))
    high = f32x4.mul(high, f32x4.splat(times))
  }
  addColumns(
    y, yStride, i32x4.extend_low_i16x8_s(sa), i32x4.extend_low_i16x8_s(sb), i32x4.extend_low_i16x8_s(sc),
    i32x4.extend_low_i16x8_s(sd), low, minLow, factors,
  )
  addColumns(
    y + 16, yStride, i32x4.extend_high_i16x8_s(sa), i32x4.extend_high_i16x8_s(sb), i32x4.extend_high_i16x8_s(sc),
    i32x4.extend_high_i16x8_s(sd), high, minHigh, factors,
  )
}

/**
 * Four columns, 16 rows, one run of `quads` quads, up to four planes: the indexes are taken apart once for all four. `half`: 0 or 1,
 * which 16 rows of the tile; `stride`: bytes from quad to quad.
 */
@inline
export function runFour(
  y: usize, yStride: i32, index: usize, table: usize, quads: i32, planes: i32, stride: i32, half: i32,
  scales: usize, factors: usize, times: f32, centre: f32, hasMin: bool, paired: bool,
): void {
  const nibble = nibbleMask()
  const w12 = pairWeights(1, 2), w48 = pairWeights(4, 8)
  const weight = planes == 1 ? 1 : 4
  const wEven = pairWeights(weight, 0), wOdd = pairWeights(0, weight)
  let a0 = i16x8.splat(0), a1 = i16x8.splat(0), b0 = i16x8.splat(0), b1 = i16x8.splat(0)
  let c0 = i16x8.splat(0), c1 = i16x8.splat(0), d0 = i16x8.splat(0), d1 = i16x8.splat(0)
  const end = table + quads * (4 * TABLE_ENTRIES)
  let i = index + half * VECTOR_BYTES
  const lastAt = (planes == 1 ? 0 : 2 * VECTOR_BYTES) - half * VECTOR_BYTES
  // A table is read again for every vector: eight sums, the indexes and the constants fill the sixteen registers.
  let e: v128, f: v128
  do {
    if (planes >= 2) {
      const v = v128.load(i), u = paired ? v128.load(i + stride) : v
      const low = v128.and(v, nibble), high = v128.and(i16x8.shr_u(v, 4), nibble)
      const nextLow = paired ? v128.and(u, nibble) : low
      const nextHigh = paired ? v128.and(i16x8.shr_u(u, 4), nibble) : high
      e = v128.load(table)
      f = paired ? v128.load(table, 4 * TABLE_ENTRIES) : e
      a0 = addLookup(a0, e, low, f, nextLow, w12, 1, 2, paired)
      a1 = addLookup(a1, e, high, f, nextHigh, w12, 1, 2, paired)
      e = v128.load(table, TABLE_ENTRIES)
      f = paired ? v128.load(table, 5 * TABLE_ENTRIES) : e
      b0 = addLookup(b0, e, low, f, nextLow, w12, 1, 2, paired)
      b1 = addLookup(b1, e, high, f, nextHigh, w12, 1, 2, paired)
      e = v128.load(table, 2 * TABLE_ENTRIES)
      f = paired ? v128.load(table, 6 * TABLE_ENTRIES) : e
      c0 = addLookup(c0, e, low, f, nextLow, w12, 1, 2, paired)
      c1 = addLookup(c1, e, high, f, nextHigh, w12, 1, 2, paired)
      e = v128.load(table, 3 * TABLE_ENTRIES)
      f = paired ? v128.load(table, 7 * TABLE_ENTRIES) : e
      d0 = addLookup(d0, e, low, f, nextLow, w12, 1, 2, paired)
      d1 = addLookup(d1, e, high, f, nextHigh, w12, 1, 2, paired)
    }
    if (planes == 4) {
      // Four planes read long entries, one quad at a time.
      const v = v128.load(i, 2 * VECTOR_BYTES)
      const low = v128.and(v, nibble), high = v128.and(i16x8.shr_u(v, 4), nibble)
      e = v128.load(table)
      a0 = addLookup(a0, e, low, e, low, w48, 4, 8, false)
      a1 = addLookup(a1, e, high, e, high, w48, 4, 8, false)
      e = v128.load(table, TABLE_ENTRIES)
      b0 = addLookup(b0, e, low, e, low, w48, 4, 8, false)
      b1 = addLookup(b1, e, high, e, high, w48, 4, 8, false)
      e = v128.load(table, 2 * TABLE_ENTRIES)
      c0 = addLookup(c0, e, low, e, low, w48, 4, 8, false)
      c1 = addLookup(c1, e, high, e, high, w48, 4, 8, false)
      e = v128.load(table, 3 * TABLE_ENTRIES)
      d0 = addLookup(d0, e, low, e, low, w48, 4, 8, false)
      d1 = addLookup(d1, e, high, e, high, w48, 4, 8, false)
    }
    if (planes & 1) {
      // Rows 0-15 of the tile are the low nibbles, 16-31 the high ones.
      const v = v128.load(i + lastAt), u = paired ? v128.load(i + stride + lastAt) : v
      const rows = v128.and(half == 0 ? v : i16x8.shr_u(v, 4), nibble)
      const nextRows = paired ? v128.and(half == 0 ? u : i16x8.shr_u(u, 4), nibble) : rows
      e = v128.load(table)
      f = paired ? v128.load(table, 4 * TABLE_ENTRIES) : e
      a0 = addLookup(a0, e, rows, f, nextRows, wEven, weight, 0, paired)
      a1 = addLookup(a1, e, rows, f, nextRows, wOdd, 0, weight, paired)
      e = v128.load(table, TABLE_ENTRIES)
      f = paired ? v128.load(table, 5 * TABLE_ENTRIES) : e
      b0 = addLookup(b0, e, rows, f, nextRows, wEven, weight, 0, paired)
      b1 = addLookup(b1, e, rows, f, nextRows, wOdd, 0, weight, paired)
      e = v128.load(table, 2 * TABLE_ENTRIES)
      f = paired ? v128.load(table, 6 * TABLE_ENTRIES) : e
      c0 = addLookup(c0, e, rows, f, nextRows, wEven, weight, 0, paired)
      c1 = addLookup(c1, e, rows, f, nextRows, wOdd, 0, weight, paired)
      e = v128.load(table, 3 * TABLE_ENTRIES)
      f = paired ? v128.load(table, 7 * TABLE_ENTRIES) : e
      d0 = addLookup(d0, e, rows, f, nextRows, wEven, weight, 0, paired)
      d1 = addLookup(d1, e, rows, f, nextRows, wOdd, 0, weight, paired)
    }
    i += paired ? 2 * stride : stride
    table += paired ? 8 * TABLE_ENTRIES : 4 * TABLE_ENTRIES
  } while (table < end)
  const out = y + half * 64, rowScales = scales + half * 32
  addEightOfFour(out, yStride, a0, b0, c0, d0, rowScales, factors, times, centre, hasMin)
  addEightOfFour(out + 32, yStride, a1, b1, c1, d1, rowScales + 16, factors, times, centre, hasMin)
}

import { TABLE_ENTRIES, TILE_ROWS, VECTOR_BYTES } from './layout'
import { addLookup, addScaled, addStepped } from './planes-sums'
import { unpackedScales } from './planes-unpacked'
import { pairWeights } from './simd'
import { RAISE } from './tables'

/**
 * products (16) += the 16-bit sums of 16 rows of one column. s0 .. s3: scales of the rows, or steps as unpack leaves them; factors: (factor, sum);
 * times, centre: see runFour.
 */
@inline
function addSixteen(
  products: usize, low: v128, high: v128, s0: v128, s1: v128, s2: v128, s3: v128, factors: usize, times: f32, centre: f32,
  stepped: bool,
): void {
  let factor = v128.load32_splat(factors)
  if (stepped) factor = f32x4.mul(factor, f32x4.splat(1 / RAISE))
  if (times != 1) factor = f32x4.mul(factor, f32x4.splat(times))
  if (stepped) {
    v128.store(products, addStepped(v128.load(products), low, s0, factor))
    v128.store(products, addStepped(v128.load(products, 16), low, s1, factor), 16)
    v128.store(products, addStepped(v128.load(products, 32), high, s2, factor), 32)
    v128.store(products, addStepped(v128.load(products, 48), high, s3, factor), 48)
    return
  }
  const middle = f32x4.mul(v128.load32_splat(factors, 4), f32x4.splat(centre))
  v128.store(products, addScaled(v128.load(products), i32x4.extend_low_i16x8_s(low), s0, factor, middle))
  v128.store(products, addScaled(v128.load(products, 16), i32x4.extend_high_i16x8_s(low), s1, factor, middle), 16)
  v128.store(products, addScaled(v128.load(products, 32), i32x4.extend_low_i16x8_s(high), s2, factor, middle), 32)
  v128.store(products, addScaled(v128.load(products, 48), i32x4.extend_high_i16x8_s(high), s3, factor, middle), 48)
}

/**
 * Four columns, 16 rows, one run of `quads` quads, up to four planes. index: unpacked indexes of the run, `stride` bytes from quad to quad;
 * half: 0 or 1, which 16 rows of the tile; products (4 columns, 32 rows): of those; factors: (factor, sum) of each column; times: 1, or 16 for planes 4-7;
 * centre: that of the weights.
 */
@inline
export function runFour(
  products: usize, index: usize, table: usize, quads: i32, planes: i32, stride: i32, half: i32,
  factors: usize, times: f32, centre: f32, paired: bool, stepped: bool,
): void {
  const w12 = pairWeights(1, 2), w48 = pairWeights(4, 8)
  const weight = planes == 1 ? 1 : 4
  const wEven = pairWeights(weight, 0), wOdd = pairWeights(0, weight)
  let a0 = i16x8.splat(0), a1 = i16x8.splat(0), b0 = i16x8.splat(0), b1 = i16x8.splat(0)
  let c0 = i16x8.splat(0), c1 = i16x8.splat(0), d0 = i16x8.splat(0), d1 = i16x8.splat(0)
  const end = table + quads * (4 * TABLE_ENTRIES)
  // Of an odd number of planes the last has one vector.
  const last = planes == 1 ? 0 : 2 * VECTOR_BYTES
  let nextTable = table + 4 * TABLE_ENTRIES, nextIndex = index + stride
  let e: v128, f: v128
  // workerd checks every address against the size of the memory less the offset of the access. The loop has few offsets (next quads have
  // pointers of their own), and these reads make V8 take the differences before it.
  v128.load(table); v128.load(table, 16); v128.load(table, 32); v128.load(table, 48)
  do {
    if (planes >= 2) {
      const low = v128.load(index), high = v128.load(index, VECTOR_BYTES)
      const nextLow = paired ? v128.load(nextIndex) : low
      const nextHigh = paired ? v128.load(nextIndex, VECTOR_BYTES) : high
      e = v128.load(table)
      f = paired ? v128.load(nextTable) : e
      a0 = addLookup(a0, e, low, f, nextLow, w12, 1, 2, paired)
      a1 = addLookup(a1, e, high, f, nextHigh, w12, 1, 2, paired)
      e = v128.load(table, TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, TABLE_ENTRIES) : e
      b0 = addLookup(b0, e, low, f, nextLow, w12, 1, 2, paired)
      b1 = addLookup(b1, e, high, f, nextHigh, w12, 1, 2, paired)
      e = v128.load(table, 2 * TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, 2 * TABLE_ENTRIES) : e
      c0 = addLookup(c0, e, low, f, nextLow, w12, 1, 2, paired)
      c1 = addLookup(c1, e, high, f, nextHigh, w12, 1, 2, paired)
      e = v128.load(table, 3 * TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, 3 * TABLE_ENTRIES) : e
      d0 = addLookup(d0, e, low, f, nextLow, w12, 1, 2, paired)
      d1 = addLookup(d1, e, high, f, nextHigh, w12, 1, 2, paired)
    }
    if (planes == 4) {
      const low = v128.load(index, 2 * VECTOR_BYTES), high = v128.load(index, 3 * VECTOR_BYTES)
      const nextLow = paired ? v128.load(nextIndex, 2 * VECTOR_BYTES) : low
      const nextHigh = paired ? v128.load(nextIndex, 3 * VECTOR_BYTES) : high
      e = v128.load(table)
      f = paired ? v128.load(nextTable) : e
      a0 = addLookup(a0, e, low, f, nextLow, w48, 4, 8, paired)
      a1 = addLookup(a1, e, high, f, nextHigh, w48, 4, 8, paired)
      e = v128.load(table, TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, TABLE_ENTRIES) : e
      b0 = addLookup(b0, e, low, f, nextLow, w48, 4, 8, paired)
      b1 = addLookup(b1, e, high, f, nextHigh, w48, 4, 8, paired)
      e = v128.load(table, 2 * TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, 2 * TABLE_ENTRIES) : e
      c0 = addLookup(c0, e, low, f, nextLow, w48, 4, 8, paired)
      c1 = addLookup(c1, e, high, f, nextHigh, w48, 4, 8, paired)
      e = v128.load(table, 3 * TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, 3 * TABLE_ENTRIES) : e
      d0 = addLookup(d0, e, low, f, nextLow, w48, 4, 8, paired)
      d1 = addLookup(d1, e, high, f, nextHigh, w48, 4, 8, paired)
    }
    if (planes & 1) {
      const rows = v128.load(index + last), nextRows = paired ? v128.load(nextIndex + last) : rows
      e = v128.load(table)
      f = paired ? v128.load(nextTable) : e
      a0 = addLookup(a0, e, rows, f, nextRows, wEven, weight, 0, paired)
      a1 = addLookup(a1, e, rows, f, nextRows, wOdd, 0, weight, paired)
      e = v128.load(table, TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, TABLE_ENTRIES) : e
      b0 = addLookup(b0, e, rows, f, nextRows, wEven, weight, 0, paired)
      b1 = addLookup(b1, e, rows, f, nextRows, wOdd, 0, weight, paired)
      e = v128.load(table, 2 * TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, 2 * TABLE_ENTRIES) : e
      c0 = addLookup(c0, e, rows, f, nextRows, wEven, weight, 0, paired)
      c1 = addLookup(c1, e, rows, f, nextRows, wOdd, 0, weight, paired)
      e = v128.load(table, 3 * TABLE_ENTRIES)
      f = paired ? v128.load(nextTable, 3 * TABLE_ENTRIES) : e
      d0 = addLookup(d0, e, rows, f, nextRows, wEven, weight, 0, paired)
      d1 = addLookup(d1, e, rows, f, nextRows, wOdd, 0, weight, paired)
    }
    index += paired ? 2 * stride : stride
    nextIndex += 2 * stride
    table += paired ? 8 * TABLE_ENTRIES : 4 * TABLE_ENTRIES
    nextTable += 8 * TABLE_ENTRIES
  } while (table < end)
  const scales = unpackedScales(half)
  const s0 = v128.load(scales), s1 = v128.load(scales, 16), s2 = v128.load(scales, 32), s3 = v128.load(scales, 48)
  addSixteen(products, a0, a1, s0, s1, s2, s3, factors, times, centre, stepped)
  addSixteen(products + TILE_ROWS * 4, b0, b1, s0, s1, s2, s3, factors + 8, times, centre, stepped)
  addSixteen(products + 2 * TILE_ROWS * 4, c0, c1, s0, s1, s2, s3, factors + 16, times, centre, stepped)
  addSixteen(products + 3 * TILE_ROWS * 4, d0, d1, s0, s1, s2, s3, factors + 24, times, centre, stepped)
}

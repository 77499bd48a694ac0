import { QUAD, SCALE_BYTES, TABLE_ENTRIES, TILE_ROWS, VECTOR_BYTES } from './layout'
import { halvesHigh, halvesLow, lookup, madd, nibbleMask, pairDot, pairWeights } from './simd'

// y += W x by table look-ups: no multiplication in the inner loop, time linear in the number of planes.
//
// A vector of indexes holds two planes of 16 rows: bytes 2j and 2j + 1 are the two planes of one row. One look-up gives 16
// partial sums, and one multiply-add of byte pairs weighs the planes (1, 2 or 4, 8), adds them and widens to 16 bits.
// Entries are at most 127 in size, so four planes of 64 columns stay within 127 * 15 * 16 = 30480 < 2^15: a "run".
// At the end of a run the sums S of a row become  y += scale * (factor * S + centre * sum(x)) [+ min * sum(x)].

/** Most columns whose 16-bit sums cannot overflow with four planes. */
const RUN_COLUMNS: i32 = 64

/** y (4) f32 += scale * (factor * sums) + min * sum, for four rows of one column. */
@inline
function addFour(y: usize, sums: v128, scale: v128, factor: v128, min: v128, sum: v128): void {
  const product = f32x4.mul(f32x4.convert_i32x4_s(sums), factor)
  v128.store(y, madd(min, sum, madd(scale, product, v128.load(y))))
}

/** y (8) f32 += the 16-bit sums of eight rows of one column. scales, mins: (8) half floats; centre and sum: splats. */
@inline
function addEight(y: usize, sums: v128, scales: usize, factor: v128, centre: v128, mins: usize, sum: v128, hasMin: bool): void {
  const halves = v128.load(scales)
  const low = halvesLow(halves), high = halvesHigh(halves)
  let minLow = f32x4.mul(low, centre), minHigh = f32x4.mul(high, centre)
  if (hasMin) {
    const minimums = v128.load(mins)
    minLow = f32x4.add(minLow, halvesLow(minimums))
    minHigh = f32x4.add(minHigh, halvesHigh(minimums))
  }
  addFour(y, i32x4.extend_low_i16x8_s(sums), low, factor, minLow, sum)
  addFour(y + 16, i32x4.extend_high_i16x8_s(sums), high, factor, minHigh, sum)
}

/** One column, 32 rows, one run of `quads` quads, up to four planes. `stride`: bytes from quad to quad. */
@inline
function runOne(
  y: usize, index: usize, table: usize, quads: i32, planes: i32, stride: i32,
  scales: usize, factor: v128, centre: v128, sum: v128, hasMin: bool,
): void {
  const nibble = nibbleMask(), w12 = pairWeights(1, 2), w48 = pairWeights(4, 8)
  const weight = planes == 1 ? 1 : 4
  const wEven = pairWeights(weight, 0), wOdd = pairWeights(0, weight)
  let s0 = i16x8.splat(0), s1 = i16x8.splat(0), s2 = i16x8.splat(0), s3 = i16x8.splat(0)
  const end = table + quads * TABLE_ENTRIES
  do {
    const entries = v128.load(table)
    if (planes >= 2) {
      let v = v128.load(index)
      s0 = v128.add<i16>(s0, pairDot(lookup(entries, v128.and(v, nibble)), w12, 1, 2))
      s1 = v128.add<i16>(s1, pairDot(lookup(entries, v128.and(i16x8.shr_u(v, 4), nibble)), w12, 1, 2))
      v = v128.load(index, VECTOR_BYTES)
      s2 = v128.add<i16>(s2, pairDot(lookup(entries, v128.and(v, nibble)), w12, 1, 2))
      s3 = v128.add<i16>(s3, pairDot(lookup(entries, v128.and(i16x8.shr_u(v, 4), nibble)), w12, 1, 2))
    }
    if (planes == 4) {
      let v = v128.load(index, 2 * VECTOR_BYTES)
      s0 = v128.add<i16>(s0, pairDot(lookup(entries, v128.and(v, nibble)), w48, 4, 8))
      s1 = v128.add<i16>(s1, pairDot(lookup(entries, v128.and(i16x8.shr_u(v, 4), nibble)), w48, 4, 8))
      v = v128.load(index, 3 * VECTOR_BYTES)
      s2 = v128.add<i16>(s2, pairDot(lookup(entries, v128.and(v, nibble)), w48, 4, 8))
      s3 = v128.add<i16>(s3, pairDot(lookup(entries, v128.and(i16x8.shr_u(v, 4), nibble)), w48, 4, 8))
    }
    if (planes & 1) {
      // The last of an odd number of planes: even and odd bytes are different rows.
      const v = planes == 1 ? v128.load(index) : v128.load(index, 2 * VECTOR_BYTES)
      const low = lookup(entries, v128.and(v, nibble))
      const high = lookup(entries, v128.and(i16x8.shr_u(v, 4), nibble))
      s0 = v128.add<i16>(s0, pairDot(low, wEven, weight, 0))
      s1 = v128.add<i16>(s1, pairDot(low, wOdd, 0, weight))
      s2 = v128.add<i16>(s2, pairDot(high, wEven, weight, 0))
      s3 = v128.add<i16>(s3, pairDot(high, wOdd, 0, weight))
    }
    index += stride
    table += TABLE_ENTRIES
  } while (table < end)
  const mins = scales + TILE_ROWS * SCALE_BYTES
  addEight(y, s0, scales, factor, centre, mins, sum, hasMin)
  addEight(y + 32, s1, scales + 16, factor, centre, mins + 16, sum, hasMin)
  addEight(y + 64, s2, scales + 32, factor, centre, mins + 32, sum, hasMin)
  addEight(y + 96, s3, scales + 48, factor, centre, mins + 48, sum, hasMin)
}

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

/** Four columns, 16 rows: the indexes are taken apart once for all four. `half`: 0 or 1, which 16 rows of the tile. */
@inline
function runFour(
  y: usize, yStride: i32, index: usize, table: usize, quads: i32, planes: i32, stride: i32, half: i32,
  scales: usize, factors: usize, times: f32, centre: f32, hasMin: bool,
): void {
  const nibble = nibbleMask(), w12 = pairWeights(1, 2), w48 = pairWeights(4, 8)
  const weight = planes == 1 ? 1 : 4
  const wEven = pairWeights(weight, 0), wOdd = pairWeights(0, weight)
  let a0 = i16x8.splat(0), a1 = i16x8.splat(0), b0 = i16x8.splat(0), b1 = i16x8.splat(0)
  let c0 = i16x8.splat(0), c1 = i16x8.splat(0), d0 = i16x8.splat(0), d1 = i16x8.splat(0)
  const end = table + quads * (4 * TABLE_ENTRIES)
  const rowsAt = half * VECTOR_BYTES
  let i = index
  // A table is read again for every vector: eight sums, the indexes and the constants fill the sixteen registers.
  let entries: v128
  do {
    if (planes >= 2) {
      const v = v128.load(i + rowsAt)
      const low = v128.and(v, nibble), high = v128.and(i16x8.shr_u(v, 4), nibble)
      entries = v128.load(table)
      a0 = v128.add<i16>(a0, pairDot(lookup(entries, low), w12, 1, 2)); a1 = v128.add<i16>(a1, pairDot(lookup(entries, high), w12, 1, 2))
      entries = v128.load(table, TABLE_ENTRIES)
      b0 = v128.add<i16>(b0, pairDot(lookup(entries, low), w12, 1, 2)); b1 = v128.add<i16>(b1, pairDot(lookup(entries, high), w12, 1, 2))
      entries = v128.load(table, 2 * TABLE_ENTRIES)
      c0 = v128.add<i16>(c0, pairDot(lookup(entries, low), w12, 1, 2)); c1 = v128.add<i16>(c1, pairDot(lookup(entries, high), w12, 1, 2))
      entries = v128.load(table, 3 * TABLE_ENTRIES)
      d0 = v128.add<i16>(d0, pairDot(lookup(entries, low), w12, 1, 2)); d1 = v128.add<i16>(d1, pairDot(lookup(entries, high), w12, 1, 2))
    }
    if (planes == 4) {
      const v = v128.load(i + rowsAt, 2 * VECTOR_BYTES)
      const low = v128.and(v, nibble), high = v128.and(i16x8.shr_u(v, 4), nibble)
      entries = v128.load(table)
      a0 = v128.add<i16>(a0, pairDot(lookup(entries, low), w48, 4, 8)); a1 = v128.add<i16>(a1, pairDot(lookup(entries, high), w48, 4, 8))
      entries = v128.load(table, TABLE_ENTRIES)
      b0 = v128.add<i16>(b0, pairDot(lookup(entries, low), w48, 4, 8)); b1 = v128.add<i16>(b1, pairDot(lookup(entries, high), w48, 4, 8))
      entries = v128.load(table, 2 * TABLE_ENTRIES)
      c0 = v128.add<i16>(c0, pairDot(lookup(entries, low), w48, 4, 8)); c1 = v128.add<i16>(c1, pairDot(lookup(entries, high), w48, 4, 8))
      entries = v128.load(table, 3 * TABLE_ENTRIES)
      d0 = v128.add<i16>(d0, pairDot(lookup(entries, low), w48, 4, 8)); d1 = v128.add<i16>(d1, pairDot(lookup(entries, high), w48, 4, 8))
    }
    if (planes & 1) {
      // Rows 0-15 of the tile are the low nibbles, 16-31 the high ones.
      const v = v128.load(i + (planes == 1 ? 0 : 2 * VECTOR_BYTES))
      const nibbles = v128.and(half == 0 ? v : i16x8.shr_u(v, 4), nibble)
      let e: v128
      e = lookup(v128.load(table), nibbles)
      a0 = v128.add<i16>(a0, pairDot(e, wEven, weight, 0)); a1 = v128.add<i16>(a1, pairDot(e, wOdd, 0, weight))
      e = lookup(v128.load(table, TABLE_ENTRIES), nibbles)
      b0 = v128.add<i16>(b0, pairDot(e, wEven, weight, 0)); b1 = v128.add<i16>(b1, pairDot(e, wOdd, 0, weight))
      e = lookup(v128.load(table, 2 * TABLE_ENTRIES), nibbles)
      c0 = v128.add<i16>(c0, pairDot(e, wEven, weight, 0)); c1 = v128.add<i16>(c1, pairDot(e, wOdd, 0, weight))
      e = lookup(v128.load(table, 3 * TABLE_ENTRIES), nibbles)
      d0 = v128.add<i16>(d0, pairDot(e, wEven, weight, 0)); d1 = v128.add<i16>(d1, pairDot(e, wOdd, 0, weight))
    }
    i += stride
    table += 4 * TABLE_ENTRIES
  } while (table < end)
  const out = y + half * 64, rowScales = scales + half * 32
  addEightOfFour(out, yStride, a0, b0, c0, d0, rowScales, factors, times, centre, hasMin)
  addEightOfFour(out + 32, yStride, a1, b1, c1, d1, rowScales + 16, factors, times, centre, hasMin)
}

/**
 * The whole matrix with P planes (a constant after inlining). More than four planes are two passes over a block: planes
 * 0-3, then the rest with 16 times the factor. Centre and minimum belong to the first run of a group only.
 */
@inline
function multiply(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, columns: i32, yStride: i32, groupSize: i32, centre: f32,
  hasMin: bool, P: i32,
): void {
  const quads = groupSize / QUAD
  const stride = P * VECTOR_BYTES
  const runQuads = (P > 3 ? min(groupSize, RUN_COLUMNS) : groupSize) / QUAD
  const groups = cols / groupSize
  const tableStride = groupSize * (TABLE_ENTRIES / QUAD)
  const scaleBytes = TILE_ROWS * SCALE_BYTES * (hasMin ? 2 : 1)
  let block = w
  for (let row = 0; row < rows; row += TILE_ROWS) {
    let table = tables
    let factors = tables + columns * cols * (TABLE_ENTRIES / QUAD)
    for (let group = 0; group < groups; group++) {
      const scales = block + quads * stride
      let out = y + (row << 2)
      let column = 0
      for (; column + 4 <= columns; column += 4) {
        for (let first = 0; first < quads; first += runQuads) {
          const index = block + first * stride
          const entries = table + first * (4 * TABLE_ENTRIES)
          const once = first == 0
          const at: f32 = once ? centre : 0
          for (let half = 0; half < 2; half++) {
            runFour(out, yStride, index, entries, runQuads, P > 4 ? 4 : P, stride, half, scales, factors, 1, at, hasMin && once)
            if (P > 4) {
              runFour(out, yStride, index + 4 * VECTOR_BYTES, entries, runQuads, P - 4, stride, half, scales, factors, 16, 0, false)
            }
          }
        }
        out += 4 * yStride
        table += 4 * tableStride
        factors += 32
      }
      for (; column < columns; column++) {
        const factor = f32.load(factors)
        const sum = f32x4.splat(f32.load(factors, 4))
        for (let first = 0; first < quads; first += runQuads) {
          const index = block + first * stride
          const entries = table + first * TABLE_ENTRIES
          const once = first == 0
          const at = f32x4.splat(once ? centre : <f32>0)
          runOne(out, index, entries, runQuads, P > 4 ? 4 : P, stride, scales, f32x4.splat(factor), at, sum, hasMin && once)
          if (P > 4) {
            runOne(out, index + 4 * VECTOR_BYTES, entries, runQuads, P - 4, stride, scales, f32x4.splat(factor * 16), f32x4.splat(0), sum, false)
          }
        }
        out += yStride
        table += tableStride
        factors += 8
      }
      block = scales + scaleBytes
    }
  }
}

function planes1(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 1)
}
function planes2(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 2)
}
function planes3(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 3)
}
function planes4(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 4)
}
function planes5(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 5)
}
function planes6(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 6)
}
function planes7(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 7)
}
function planes8(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 8)
}

/**
 * y += W x for `columns` activation vectors at once.
 * y (columns, rows rounded up to 32) f32, columns `yStride` bytes apart; W (rows, cols) in the layout of layout.ts;
 * tables: those of the activations (tables.ts), built with the same groupSize.
 * centre: (2^planes - 1) / 2 + zeroPoint, since entries stand for bits centred at 1/2; zeroPoint 0 where a minimum is stored.
 */
export function matmul(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, columns: i32, yStride: i32, planes: i32, groupSize: i32,
  centre: f32, hasMin: bool,
): void {
  switch (planes) {
    case 1: planes1(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 2: planes2(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 3: planes3(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 4: planes4(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 5: planes5(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 6: planes6(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 7: planes7(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 8: planes8(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    default: unreachable()
  }
}

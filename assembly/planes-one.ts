import { SCALE_BYTES, STEP_BYTES, TABLE_ENTRIES, TILE_ROWS, VECTOR_BYTES } from './layout'
import { addLookup, addScaled, addStepped } from './planes-sums'
import { evenPairs, firstFour, lastFour, madd, nibbleMask, pairWeights, shrunkHighBits, shrunkLowBits } from './simd'

/** products (8) += the 16-bit sums of eight rows of one column. scales (32): half floats or steps of all rows, these the ones from `row` on. */
@inline
function addEight(products: usize, sums: v128, scales: usize, row: i32, factor: v128, centre: v128, stepped: bool): void {
  const to = products + row * 4
  if (stepped) addSteps(to, sums, scales + row * STEP_BYTES, factor)
  else addHalves(to, sums, scales + row * SCALE_BYTES, factor, centre)
}

/** products (8), see closeStepped, += the 16-bit sums of eight rows. steps (8) u8; factor: a splat. */
@inline
function addSteps(products: usize, sums: v128, steps: usize, factor: v128): void {
  const eight = v128.load_ext<u8>(steps), even = evenPairs()
  v128.store(products, addStepped(v128.load(products), sums, v128.and(eight, even), factor))
  v128.store(products, addStepped(v128.load(products, 16), sums, v128.andnot(eight, even), factor), 16)
}

/** products (8) += the 16-bit sums of eight rows. scales (8) half floats; factor, centre: splats, see addScaled. */
@inline
function addHalves(products: usize, sums: v128, scales: usize, factor: v128, centre: v128): void {
  const halves = v128.load(scales), lowBits = shrunkLowBits(halves), highBits = shrunkHighBits(halves)
  const low = i32x4.extend_low_i16x8_s(sums), high = i32x4.extend_high_i16x8_s(sums)
  v128.store(products, addScaled(v128.load(products), low, firstFour(lowBits, highBits), factor, centre))
  v128.store(products, addScaled(v128.load(products, 16), high, lastFour(lowBits, highBits), factor, centre), 16)
}

/** products (32) += min * sum. mins (32) half floats; sum: a splat. */
@inline
export function addMinsOfOne(products: usize, mins: usize, sum: v128): void {
  for (let i = 0; i < TILE_ROWS * SCALE_BYTES; i += 16) {
    const halves = v128.load(mins + i), lowBits = shrunkLowBits(halves), highBits = shrunkHighBits(halves)
    const to = products + 2 * i
    v128.store(to, madd(firstFour(lowBits, highBits), sum, v128.load(to)))
    v128.store(to, madd(lastFour(lowBits, highBits), sum, v128.load(to, 16)), 16)
  }
}

/** sums + the lookups of the low (shift 0) or high (shift 4) nibbles of an index vector, and of the next quad's where paired. */
@inline
function addNibbles(
  sums: v128, table: v128, v: v128, nextTable: v128, u: v128, shift: i32, weights: v128, even: i32, odd: i32, paired: bool,
): v128 {
  const nibble = nibbleMask()
  const index = v128.and(shift == 0 ? v : i16x8.shr_u(v, 4), nibble)
  const next = paired ? v128.and(shift == 0 ? u : i16x8.shr_u(u, 4), nibble) : index
  return addLookup(sums, table, index, nextTable, next, weights, even, odd, paired)
}

/**
 * One column, a tile of 32 rows and another, one run of `quads` quads, up to four planes: two tiles share the loads of tables.
 * products (2 tiles, 32); index, scales: of the one, otherIndex, otherScales: of the other. `stride`: bytes from quad to quad; centre: see addScaled.
 */
@inline
export function runOne(
  products: usize, index: usize, otherIndex: usize, table: usize, quads: i32, planes: i32, stride: i32,
  scales: usize, otherScales: usize, factor: v128, centre: v128, paired: bool, stepped: bool,
): void {
  const w12 = pairWeights(1, 2), w48 = pairWeights(4, 8)
  const weight = planes == 1 ? 1 : 4
  const wEven = pairWeights(weight, 0), wOdd = pairWeights(0, weight)
  let s0 = i16x8.splat(0), s1 = i16x8.splat(0), s2 = i16x8.splat(0), s3 = i16x8.splat(0)
  let o0 = i16x8.splat(0), o1 = i16x8.splat(0), o2 = i16x8.splat(0), o3 = i16x8.splat(0)
  const end = table + quads * TABLE_ENTRIES
  do {
    const e = v128.load(table), f = paired ? v128.load(table, TABLE_ENTRIES) : e
    const next = index + stride, otherNext = otherIndex + stride
    if (planes >= 2) {
      let v = v128.load(index), u = paired ? v128.load(next) : v
      s0 = addNibbles(s0, e, v, f, u, 0, w12, 1, 2, paired)
      s1 = addNibbles(s1, e, v, f, u, 4, w12, 1, 2, paired)
      v = v128.load(otherIndex)
      u = paired ? v128.load(otherNext) : v
      o0 = addNibbles(o0, e, v, f, u, 0, w12, 1, 2, paired)
      o1 = addNibbles(o1, e, v, f, u, 4, w12, 1, 2, paired)
      v = v128.load(index, VECTOR_BYTES)
      u = paired ? v128.load(next, VECTOR_BYTES) : v
      s2 = addNibbles(s2, e, v, f, u, 0, w12, 1, 2, paired)
      s3 = addNibbles(s3, e, v, f, u, 4, w12, 1, 2, paired)
      v = v128.load(otherIndex, VECTOR_BYTES)
      u = paired ? v128.load(otherNext, VECTOR_BYTES) : v
      o2 = addNibbles(o2, e, v, f, u, 0, w12, 1, 2, paired)
      o3 = addNibbles(o3, e, v, f, u, 4, w12, 1, 2, paired)
    }
    if (planes == 4) {
      let v = v128.load(index, 2 * VECTOR_BYTES), u = paired ? v128.load(next, 2 * VECTOR_BYTES) : v
      s0 = addNibbles(s0, e, v, f, u, 0, w48, 4, 8, paired)
      s1 = addNibbles(s1, e, v, f, u, 4, w48, 4, 8, paired)
      v = v128.load(otherIndex, 2 * VECTOR_BYTES)
      u = paired ? v128.load(otherNext, 2 * VECTOR_BYTES) : v
      o0 = addNibbles(o0, e, v, f, u, 0, w48, 4, 8, paired)
      o1 = addNibbles(o1, e, v, f, u, 4, w48, 4, 8, paired)
      v = v128.load(index, 3 * VECTOR_BYTES)
      u = paired ? v128.load(next, 3 * VECTOR_BYTES) : v
      s2 = addNibbles(s2, e, v, f, u, 0, w48, 4, 8, paired)
      s3 = addNibbles(s3, e, v, f, u, 4, w48, 4, 8, paired)
      v = v128.load(otherIndex, 3 * VECTOR_BYTES)
      u = paired ? v128.load(otherNext, 3 * VECTOR_BYTES) : v
      o2 = addNibbles(o2, e, v, f, u, 0, w48, 4, 8, paired)
      o3 = addNibbles(o3, e, v, f, u, 4, w48, 4, 8, paired)
    }
    if (planes & 1) {
      // The last of an odd number of planes: even and odd bytes are different rows.
      const at = planes == 1 ? 0 : 2 * VECTOR_BYTES
      let v = v128.load(index + at), u = paired ? v128.load(next + at) : v
      s0 = addNibbles(s0, e, v, f, u, 0, wEven, weight, 0, paired)
      s1 = addNibbles(s1, e, v, f, u, 0, wOdd, 0, weight, paired)
      s2 = addNibbles(s2, e, v, f, u, 4, wEven, weight, 0, paired)
      s3 = addNibbles(s3, e, v, f, u, 4, wOdd, 0, weight, paired)
      v = v128.load(otherIndex + at)
      u = paired ? v128.load(otherNext + at) : v
      o0 = addNibbles(o0, e, v, f, u, 0, wEven, weight, 0, paired)
      o1 = addNibbles(o1, e, v, f, u, 0, wOdd, 0, weight, paired)
      o2 = addNibbles(o2, e, v, f, u, 4, wEven, weight, 0, paired)
      o3 = addNibbles(o3, e, v, f, u, 4, wOdd, 0, weight, paired)
    }
    index += paired ? 2 * stride : stride
    otherIndex += paired ? 2 * stride : stride
    table += paired ? 2 * TABLE_ENTRIES : TABLE_ENTRIES
  } while (table < end)
  addEight(products, s0, scales, 0, factor, centre, stepped)
  addEight(products, s1, scales, 8, factor, centre, stepped)
  addEight(products, s2, scales, 16, factor, centre, stepped)
  addEight(products, s3, scales, 24, factor, centre, stepped)
  addEight(products + TILE_ROWS * 4, o0, otherScales, 0, factor, centre, stepped)
  addEight(products + TILE_ROWS * 4, o1, otherScales, 8, factor, centre, stepped)
  addEight(products + TILE_ROWS * 4, o2, otherScales, 16, factor, centre, stepped)
  addEight(products + TILE_ROWS * 4, o3, otherScales, 24, factor, centre, stepped)
}

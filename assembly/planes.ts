import { EXACT_GROUP, MAX_COLUMNS, QUAD, SCALE_BYTES, TABLE_ENTRIES, TILE_ROWS, VECTOR_BYTES } from './layout'
import { runFour } from './planes-four'
import { addMinsOfOne, runOne } from './planes-one'
import { addMins, closeProducts, openProducts, products, unpack, unpackedIndexes } from './planes-unpacked'

// y += W x by table look-ups: no multiplication in the inner loop, time linear in the number of planes.
//
// A vector of indexes holds two planes of 16 rows: bytes 2j and 2j + 1 are the two planes of one row. One look-up gives 16
// partial sums, and one multiply-add of byte pairs weighs the planes (1, 2 or 4, 8), adds them and widens to 16 bits.
// Entries are at most 127 in size, so four planes of 64 columns stay within 127 * 15 * 16 = 30480 < 2^15: a "run".
// Short entries of at most 63 (layout.ts says which matrices read them) are added in pairs, as bytes, before they are weighed.
// At the end of a run the sums S of a row become  y += scale * (factor * S + centre * sum(x)) [+ min * sum(x)].

/** Most columns whose 16-bit sums cannot overflow with four planes. */
const RUN_COLUMNS: i32 = 64

/**
 * The whole matrix with P planes; paired: whether entries are short (both constants after inlining). More than four planes are two
 * passes over a block: planes 0-3, then the rest with 16 times the factor. Centre and minimum belong to the first run of a group only.
 */
@inline
function multiply(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, columns: i32, yStride: i32, groupSize: i32, centre: f32,
  hasMin: bool, P: i32, paired: bool,
): void {
  const quads = groupSize / QUAD
  const stride = P * VECTOR_BYTES
  const runQuads = (paired ? groupSize : min(groupSize, RUN_COLUMNS)) / QUAD
  const groups = cols / groupSize
  const tableStride = groupSize * (TABLE_ENTRIES / QUAD)
  const scaleBytes = TILE_ROWS * SCALE_BYTES * (hasMin ? 2 : 1)
  const blocks = columns >> 2
  const inBlocks = blocks << 2
  let block = w
  for (let row = 0; row < rows; row += TILE_ROWS) {
    let table = tables
    let factors = tables + columns * cols * (TABLE_ENTRIES / QUAD)
    if (blocks) openProducts(y + (row << 2), yStride, inBlocks)
    for (let group = 0; group < groups; group++) {
      const scales = block + quads * stride
      if (blocks) unpack(block, quads, P, hasMin)
      for (let first = 0; blocks && first < quads; first += runQuads) {
        const once = first == 0
        const at: f32 = once ? centre : 0
        for (let i = 0; i < blocks; i++) {
          const entries = table + 4 * (i * tableStride + first * TABLE_ENTRIES)
          const four = factors + 32 * i
          for (let half = 0; half < 2; half++) {
            const to = products + i * (4 * TILE_ROWS * 4) + half * 64
            const index = unpackedIndexes(half, first, quads, P)
            runFour(to, index, entries, runQuads, P > 4 ? 4 : P, stride, half, four, 1, at, paired)
            if (P > 4) {
              runFour(to, index + 4 * VECTOR_BYTES, entries, runQuads, P - 4, stride, half, four, 16, 0, paired)
            }
          }
        }
      }
      if (hasMin) addMins(inBlocks, factors)
      table += inBlocks * tableStride
      factors += 8 * inBlocks
      let out = y + inBlocks * yStride + (row << 2)
      for (let column = inBlocks; column < columns; column++) {
        const factor = f32.load(factors)
        const sum = f32x4.splat(f32.load(factors, 4))
        for (let first = 0; first < quads; first += runQuads) {
          const index = block + first * stride
          const entries = table + first * TABLE_ENTRIES
          const once = first == 0
          const at = f32x4.mul(f32x4.splat(once ? centre : <f32>0), sum)
          runOne(out, index, entries, runQuads, P > 4 ? 4 : P, stride, scales, f32x4.splat(factor), at, paired)
          if (P > 4) {
            runOne(out, index + 4 * VECTOR_BYTES, entries, runQuads, P - 4, stride, scales, f32x4.splat(factor * 16), f32x4.splat(0), paired)
          }
        }
        if (hasMin) addMinsOfOne(out, scales + TILE_ROWS * SCALE_BYTES, sum)
        out += yStride
        table += tableStride
        factors += 8
      }
      block = scales + scaleBytes
    }
    if (blocks) closeProducts(y + (row << 2), yStride, inBlocks)
  }
}

function planes1(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 1, true)
}
function planes2(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 2, true)
}
function planes3(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 3, true)
}
function planes4(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 4, false)
}
function planes4Short(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 4, true)
}
function planes5(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 5, false)
}
function planes6(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 6, false)
}
function planes7(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 7, false)
}
function planes8(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 8, false)
}

/**
 * y += W x for `columns` activation vectors at once, at most MAX_COLUMNS.
 * y (columns, rows rounded up to 32) f32, columns `yStride` bytes apart; W (rows, cols) in the layout of layout.ts;
 * tables: those of the activations (tables.ts), built with the same groupSize and the largest entry that such a matrix reads (layout.ts).
 * centre: (2^planes - 1) / 2 + zeroPoint, since entries stand for bits centred at 1/2; zeroPoint 0 where a minimum is stored.
 */
export function matmul(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, columns: i32, yStride: i32, planes: i32, groupSize: i32,
  centre: f32, hasMin: bool,
): void {
  if (columns > MAX_COLUMNS) unreachable()
  switch (planes) {
    case 1: planes1(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 2: planes2(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 3: planes3(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 4:
      if (groupSize > EXACT_GROUP) planes4Short(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin)
      else planes4(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin)
      break
    case 5: planes5(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 6: planes6(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 7: planes7(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    case 8: planes8(y, w, tables, rows, cols, columns, yStride, groupSize, centre, hasMin); break
    default: unreachable()
  }
}

import { EXACT_GROUP, MAX_COLUMNS } from './layout'
import { multiplyFew } from './planes-few'
import { multiplyMany } from './planes-many'
import { columnsInFours } from './tables'

// y += W x by table look-ups: no multiplication in the inner loop, time linear in the number of planes.
//
// A vector of indexes holds two planes of 16 rows: bytes 2j and 2j + 1 are the two planes of one row. One look-up gives 16
// partial sums, and one multiply-add of byte pairs weighs the planes (1, 2 or 4, 8), adds them and widens to 16 bits.
// Entries are at most 127 in size, so four planes of 64 columns stay within 127 * 15 * 16 = 30480 < 2^15: a "run".
// Short entries of at most 63 (layout.ts says which matrices read them) are added in pairs, as bytes, before they are weighed.
// At the end of a run the sums S of a row become  y += scale * (factor * S + centre * sum(x)) [+ min * sum(x)];
// with steps, whose zero point makes the centre zero,  product += factor * step * S,  and at the end of the row  y += rowScale * product.

/** The whole matrix with P planes; paired: whether entries are short; stepped: whether scales are steps (all constants after inlining). */
@inline
function multiply(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, columns: i32, yStride: i32, groupSize: i32, centre: f32,
  hasMin: bool, P: i32, paired: bool, stepped: bool,
): void {
  const inFours = columnsInFours(columns)
  if (inFours) multiplyMany(y, w, tables, rows, cols, inFours, columns, yStride, groupSize, centre, hasMin, P, paired, stepped)
  if (inFours < columns) multiplyFew(y, w, tables, rows, cols, inFours, columns, yStride, groupSize, centre, hasMin, P, paired, stepped)
}

function planes1(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 1, true, false)
}
function planes2(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 2, true, false)
}
function planes3(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 3, true, false)
}
function planes4(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 4, false, false)
}
function planes4Short(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 4, true, false)
}
function planes5(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 5, false, false)
}
function planes6(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 6, false, false)
}
function planes7(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 7, false, false)
}
function planes8(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32, centre: f32, hasMin: bool): void {
  multiply(y, w, t, rows, cols, n, yStride, group, centre, hasMin, 8, false, false)
}

function stepped1(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32): void {
  multiply(y, w, t, rows, cols, n, yStride, group, 0, false, 1, true, true)
}
function stepped2(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32): void {
  multiply(y, w, t, rows, cols, n, yStride, group, 0, false, 2, true, true)
}
function stepped3(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32): void {
  multiply(y, w, t, rows, cols, n, yStride, group, 0, false, 3, true, true)
}
function stepped4(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32): void {
  multiply(y, w, t, rows, cols, n, yStride, group, 0, false, 4, true, true)
}
function stepped5(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32): void {
  multiply(y, w, t, rows, cols, n, yStride, group, 0, false, 5, false, true)
}
function stepped6(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32): void {
  multiply(y, w, t, rows, cols, n, yStride, group, 0, false, 6, false, true)
}
function stepped7(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32): void {
  multiply(y, w, t, rows, cols, n, yStride, group, 0, false, 7, false, true)
}
function stepped8(y: usize, w: usize, t: usize, rows: i32, cols: i32, n: i32, yStride: i32, group: i32): void {
  multiply(y, w, t, rows, cols, n, yStride, group, 0, false, 8, false, true)
}

/**
 * y += W x for `columns` activation vectors at once, at most MAX_COLUMNS.
 * y (columns, rows rounded up to 32) f32, columns `yStride` bytes apart; W (rows, cols) in the layout of layout.ts;
 * tables: those of the activations (tables.ts), built with the same groupSize and the largest entry that such a matrix reads (layout.ts).
 * centre: (2^planes - 1) / 2 + zeroPoint, since entries stand for bits centred at 1/2; zeroPoint 0 where a minimum is stored. stepped: whether
 * steps are, which makes the centre 0 and stores no minimum.
 */
export function matmul(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, columns: i32, yStride: i32, planes: i32, groupSize: i32,
  centre: f32, hasMin: bool, stepped: bool,
): void {
  if (columns > MAX_COLUMNS) unreachable()
  if (stepped) multiplyStepped(y, w, tables, rows, cols, columns, yStride, planes, groupSize)
  else multiplyScaled(y, w, tables, rows, cols, columns, yStride, planes, groupSize, centre, hasMin)
}

function multiplyScaled(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, columns: i32, yStride: i32, planes: i32, groupSize: i32,
  centre: f32, hasMin: bool,
): void {
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

function multiplyStepped(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, columns: i32, yStride: i32, planes: i32, groupSize: i32,
): void {
  switch (planes) {
    case 1: stepped1(y, w, tables, rows, cols, columns, yStride, groupSize); break
    case 2: stepped2(y, w, tables, rows, cols, columns, yStride, groupSize); break
    case 3: stepped3(y, w, tables, rows, cols, columns, yStride, groupSize); break
    case 4: stepped4(y, w, tables, rows, cols, columns, yStride, groupSize); break
    case 5: stepped5(y, w, tables, rows, cols, columns, yStride, groupSize); break
    case 6: stepped6(y, w, tables, rows, cols, columns, yStride, groupSize); break
    case 7: stepped7(y, w, tables, rows, cols, columns, yStride, groupSize); break
    case 8: stepped8(y, w, tables, rows, cols, columns, yStride, groupSize); break
    default: unreachable()
  }
}

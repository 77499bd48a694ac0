import { SCALE_BYTES, STEP_BYTES, STEPS, TILE_ROWS } from './layout'
import { halfToFloat, lookup, madd, pairDot } from './simd'
import { RAISE } from './tables'

/** Most columns whose 16-bit sums cannot overflow with four planes. */
const RUN_COLUMNS: i32 = 64

/** Columns of a group whose sums are kept in 16 bits before they are scaled; paired: whether entries are short. */
@inline
export function runColumns(groupSize: i32, paired: bool): i32 {
  return paired ? groupSize : min(groupSize, RUN_COLUMNS)
}

/** Bytes of the scales of a block and, where it has them, its minimums. */
@inline
export function scaleBytes(hasMin: bool, stepped: bool): i32 {
  return stepped ? TILE_ROWS * STEP_BYTES : TILE_ROWS * SCALE_BYTES * (hasMin ? 2 : 1)
}

/**
 * sums + weights * the partial sums of a vector of 16 rows. Tables and indexes of one quad, or of two (paired): the sum of two
 * 7-bit entries fits a byte, and one multiply-add serves both.
 */
@inline
export function addLookup(
  sums: v128, table: v128, index: v128, nextTable: v128, nextIndex: v128, weights: v128, even: i32, odd: i32, paired: bool,
): v128 {
  let entries = lookup(table, index)
  if (paired) entries = v128.add<i8>(entries, lookup(nextTable, nextIndex))
  return v128.add<i16>(sums, pairDot(entries, weights, even, odd))
}

/** product + scale * (factor * sums + centre), for four rows of one column, sums i32; centre: that of the weights times the sum of x. */
@inline
export function addScaled(product: v128, sums: v128, scale: v128, factor: v128, centre: v128): v128 {
  return madd(scale, madd(f32x4.convert_i32x4_s(sums), factor, centre), product)
}

/**
 * product + factor * steps * sums, for the even or the odd rows of eight: sums (8) i16; steps (8) i16, 0 in place of those of the other rows. What is
 * multiplied as integers, 32767 * 255 at most, is exact as a float.
 */
@inline
export function addStepped(product: v128, sums: v128, steps: v128, factor: v128): v128 {
  return madd(f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(sums, steps)), factor, product)
}

/** to (32) f32 <- factor * from (32) */
@inline
function copyTile(to: usize, from: usize, factor: f32): void {
  const factors = f32x4.splat(factor)
  for (let i = 0; i < TILE_ROWS * 4; i += 16) v128.store(to + i, f32x4.mul(v128.load(from + i), factors))
}

/** products (columns, 32), of a tile, <- y / RAISE, columns `yStride` bytes apart. Half floats are then never multiplied up one by one. */
@inline
export function openProducts(products: usize, y: usize, yStride: i32, columns: i32): void {
  for (let column = 0; column < columns; column++) copyTile(products + column * (TILE_ROWS * 4), y + column * yStride, 1 / RAISE)
}

/** y <- RAISE * products */
@inline
export function closeProducts(y: usize, products: usize, yStride: i32, columns: i32): void {
  for (let column = 0; column < columns; column++) copyTile(y + column * yStride, products + column * (TILE_ROWS * 4), RAISE)
}

/** products (tiles or columns, 32) <- 0: with steps they are sums in units of a row's scale. */
@inline
export function openStepped(products: usize, count: i32): void {
  memory.fill(products, 0, count * (TILE_ROWS * 4))
}

/**
 * y += rowScale * products, which stand as addStepped leaves them: of each eight rows first the even, then the odd ones. y `yStride` bytes and
 * rowScales (32) half floats `scaleStride` bytes apart.
 */
@inline
export function closeStepped(y: usize, products: usize, rowScales: usize, yStride: i32, scaleStride: i32, count: i32): void {
  const factor = f32x4.splat(1 / <f32>STEPS)
  for (let i = 0; i < count; i++) {
    for (let row = 0; row < TILE_ROWS; row += 8) {
      const halves = v128.load(rowScales + row * SCALE_BYTES), zero = i16x8.splat(0)
      const first = f32x4.mul(halfToFloat(v128.shuffle<i16>(zero, halves, 0, 8, 1, 9, 2, 10, 3, 11)), factor)
      const last = f32x4.mul(halfToFloat(v128.shuffle<i16>(zero, halves, 4, 12, 5, 13, 6, 14, 7, 15)), factor)
      const even = v128.load(products + (row << 2)), odd = v128.load(products + (row << 2), 16)
      const to = y + (row << 2)
      v128.store(to, madd(first, v128.shuffle<f32>(even, odd, 0, 4, 1, 5), v128.load(to)))
      v128.store(to, madd(last, v128.shuffle<f32>(even, odd, 2, 6, 3, 7), v128.load(to, 16)), 16)
    }
    y += yStride
    products += TILE_ROWS * 4
    rowScales += scaleStride
  }
}

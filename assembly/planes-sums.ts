import { TILE_ROWS } from './layout'
import { lookup, madd, pairDot } from './simd'
import { RAISE } from './tables'

/** Most columns whose 16-bit sums cannot overflow with four planes. */
const RUN_COLUMNS: i32 = 64

/** Columns of a group whose sums are kept in 16 bits before they are scaled; paired: whether entries are short. */
@inline
export function runColumns(groupSize: i32, paired: bool): i32 {
  return paired ? groupSize : min(groupSize, RUN_COLUMNS)
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

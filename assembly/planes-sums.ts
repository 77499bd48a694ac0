import { lookup, madd, pairDot } from './simd'

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

/** y + scale * (factor * sums + centre), for four rows of one column, sums i32; centre: that of the weights times the sum of x. */
@inline
export function addScaled(y: v128, sums: v128, scale: v128, factor: v128, centre: v128): v128 {
  return madd(scale, madd(f32x4.convert_i32x4_s(sums), factor, centre), y)
}

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

/** y (4) f32 += scale * (factor * sums) + min * sum, for four rows of one column. */
@inline
export function addFour(y: usize, sums: v128, scale: v128, factor: v128, min: v128, sum: v128): void {
  const product = f32x4.mul(f32x4.convert_i32x4_s(sums), factor)
  v128.store(y, madd(min, sum, madd(scale, product, v128.load(y))))
}

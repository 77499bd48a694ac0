/** The nearest half float of a positive number below 65504: 11 bits by Dekker's splitting, whole multiples of 2^-24 where it is subnormal. */
export function roundToHalf(x: f32): f32 {
  if (x < 6.103515625e-5) return nearest(x * 16777216) * 5.9604644775390625e-8
  const wide: f32 = x * 8193
  return wide - (wide - x)
}

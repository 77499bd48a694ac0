/** So many float32 roundings, as a relative error: each is at most half a unit in the last place. */
export const roundings = (count: number) => count * 2 ** -24

/** The relative error that `exp4` of assembly/simd.ts promises. */
export const EXP_ERROR = 2e-7

/** Asserts |actual - expected| <= tolerance(i) for every element; NaN never is. */
export function expectWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: (i: number) => number,
): void {
  if (actual.length !== expected.length) throw new Error(`${actual.length} elements, expected ${expected.length}`)
  for (let i = 0; i < actual.length; i++) {
    const allowed = tolerance(i)
    if (!(Math.abs(actual[i] - expected[i]) <= allowed)) {
      throw new Error(`element ${i}: got ${actual[i]}, expected ${expected[i]} within ${allowed}`)
    }
  }
}

/** Asserts bit equality, element by element (0 and -0 differ). */
export function expectExact(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  if (actual.length !== expected.length) throw new Error(`${actual.length} elements, expected ${expected.length}`)
  for (let i = 0; i < actual.length; i++) {
    if (!Object.is(actual[i], expected[i])) throw new Error(`element ${i}: got ${actual[i]}, expected ${expected[i]}`)
  }
}

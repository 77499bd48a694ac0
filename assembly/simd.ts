// The few operations that differ between the relaxed and the plain SIMD build, and exact half-float loading.
// ASC_FEATURE_RELAXED_SIMD is a compile-time constant: the other branch is not in the binary.

// Vector constants that a loop needs are read from memory: V8 writes a v128.const out again (four instructions) at every
// use, which halved the speed of the matrix kernel.
const constants = memory.data<u32>([
  0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f, 0x0f0f0f0f,
  0x8fffe000, 0x8fffe000, 0x8fffe000, 0x8fffe000,
  0x77800000, 0x77800000, 0x77800000, 0x77800000,
  0x02010201, 0x02010201, 0x02010201, 0x02010201,
  0x08040804, 0x08040804, 0x08040804, 0x08040804,
  0x00010001, 0x00010001, 0x00010001, 0x00010001,
  0x01000100, 0x01000100, 0x01000100, 0x01000100,
  0x00040004, 0x00040004, 0x00040004, 0x00040004,
  0x04000400, 0x04000400, 0x04000400, 0x04000400,
  0x0d0c0f0e, 0x09080b0a, 0x05040706, 0x01000302,
  0x00010001, 0x00010001, 0x00010001, 0x00010001,
  0x8fff8fff, 0x8fff8fff, 0x8fff8fff, 0x8fff8fff,
  0x0000ffff, 0x0000ffff, 0x0000ffff, 0x0000ffff,
], 16)

/** 0x0f in every byte. */
@inline
export function nibbleMask(): v128 {
  return v128.load(constants)
}

/** Byte pairs (even, odd), one of (1, 2), (4, 8), (1, 0), (0, 1), (4, 0), (0, 4): the weights of two planes, or of one. */
@inline
export function pairWeights(even: i32, odd: i32): v128 {
  const row = even == 1 ? (odd == 2 ? 0 : 2) : even == 4 ? (odd == 8 ? 1 : 4) : odd == 1 ? 3 : 5
  return v128.load(constants + 48 + row * 16)
}

/** Indexes that turn eight 16-bit lanes around. */
@inline
export function backwards(): v128 {
  return v128.load(constants, 144)
}

/** Table look-up: lane i = table[index[i]], index lanes 0 .. 15 (where relaxed and plain swizzle agree). */
@inline
export function lookup(table: v128, index: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(table, index) : i8x16.swizzle(table, index)
}

/**
 * i16 lane j = a[2j] * even + a[2j + 1] * odd, with weights = pairWeights(even, odd). Weights are 0 .. 127, where the relaxed
 * instruction is the same on every machine; |a| <= 127 and even + odd <= 12 keep it far from saturation: both builds give
 * the same integers.
 */
@inline
export function pairDot(a: v128, weights: v128, even: i32, odd: i32): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_dot_i8x16_i7x16_s(a, weights)
  const shift = even == 4 || odd == 4 ? 2 : 0
  if (odd == 0) return v128.shl<i16>(v128.shr<i16>(v128.shl<i16>(a, 8), 8), shift)
  if (even == 0) return v128.shl<i16>(v128.shr<i16>(a, 8), shift)
  const low = v128.shr<i16>(v128.shl<i16>(a, 8), 8)
  const high = v128.shr<i16>(a, 8)
  return v128.shl<i16>(v128.add<i16>(low, v128.shl<i16>(high, 1)), shift)
}

/** All bits of the even 16-bit lanes. */
@inline
export function evenPairs(): v128 {
  return v128.load(constants, 192)
}

/** 1 in every 16-bit lane: what quadDot takes. */
@inline
export function onesOfPairs(): v128 {
  return v128.load(constants, 160)
}

/**
 * sums + i32 lane j = a[4j] * b[4j] + .. + a[4j + 3] * b[4j + 3] of signed bytes, b 0 .. 127, where relaxed instructions are the same on every
 * machine; |a| <= 127 keeps the sum of two products, 32258, within 16 bits. fused: by the relaxed instruction that adds four products, one where
 * the processor has it (fusesQuadDots); V8 makes five of it on others, where this takes three.
 */
@inline
export function quadDot(a: v128, b: v128, ones: v128, sums: v128, fused: bool): v128 {
  if (ASC_FEATURE_RELAXED_SIMD && fused) return i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b, sums)
  let pairs: v128
  if (ASC_FEATURE_RELAXED_SIMD) {
    pairs = i16x8.relaxed_dot_i8x16_i7x16_s(a, b)
  } else {
    const even = i16x8.mul(i16x8.shr_s(i16x8.shl(a, 8), 8), i16x8.shr_u(i16x8.shl(b, 8), 8))
    pairs = i16x8.add(even, i16x8.mul(i16x8.shr_s(a, 8), i16x8.shr_u(b, 8)))
  }
  return i32x4.add(sums, i32x4.dot_i16x8_s(pairs, ones))
}

/**
 * Whether the processor adds four products of bytes in one instruction, or so nearly (x86 with AVX-VNNI, ARM). b is out of its range here: an x86
 * without it takes it for 255 and cuts sums of two products off at 32767, nobody else does.
 */
export function fusesQuadDots(): bool {
  if (!ASC_FEATURE_RELAXED_SIMD) return false
  const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(127), i8x16.splat(-1), i32x4.splat(0))
  return i32x4.extract_lane(sums, 0) != 2 * 32767
}

/** a * b + c; the relaxed build may fuse it (one rounding less). */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c)
}

/**
 * Four half floats in the high 16 bits of i32 lanes -> f32, exact for subnormals too: shifting the exponent and fraction
 * into place gives value * 2^-112, the multiplication undoes it. Infinities and NaN do not occur (the packer refuses them).
 */
@inline
export function halfToFloat(high: v128): v128 {
  // 0x77800000 is 2^112.
  const shifted = v128.and(i32x4.shr_s(high, 3), v128.load(constants, 16))
  return f32x4.mul(shifted, v128.load(constants, 32))
}

/** The low 16 bits of the floats that eight half floats are once they are shifted into place, as in halfToFloat: times 2^-112. */
@inline
export function shrunkLowBits(halves: v128): v128 {
  return i16x8.shl(halves, 13)
}

/** The high 16 bits of them. */
@inline
export function shrunkHighBits(halves: v128): v128 {
  return v128.and(i16x8.shr_s(halves, 3), v128.load(constants, 176))
}

/** Floats 0 .. 3 of their low and high bits. */
@inline
export function firstFour(lowBits: v128, highBits: v128): v128 {
  return v128.shuffle<i16>(lowBits, highBits, 0, 8, 1, 9, 2, 10, 3, 11)
}

/** Floats 4 .. 7 of their low and high bits. */
@inline
export function lastFour(lowBits: v128, highBits: v128): v128 {
  return v128.shuffle<i16>(lowBits, highBits, 4, 12, 5, 13, 6, 14, 7, 15)
}

/** Sum of four f32 lanes. */
@inline
export function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

/** Sum of four i32 lanes. */
@inline
export function sumIntegers(v: v128): i32 {
  const pairs = i32x4.add(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1))
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1)
}

/** Largest of four f32 lanes. */
@inline
export function maxLanes(v: v128): f32 {
  const pairs = f32x4.max(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1))
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}

// 1.5 * 2^23: added to a float of a size below 2^22 it leaves the nearest integer (ties to even) in the low bits, with no
// instruction for rounding and none for conversion, of which the saturating ones take ten.
const ROUNDING: f32 = 12582912

const exponential = memory.data<f32>([
  -87.3, 88.3, 1.44269504088896341, ROUNDING, -0.693359375, 2.12194440e-4, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
  4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1,
], 16)

/** Number i of the constants of exp4, in all lanes. */
@inline
function constant(i: usize): v128 {
  return v128.load32_splat(exponential + i * 4)
}

/**
 * Nearest integers (ties to even) of floats of a size below 2^22, as i32 lanes; of infinities and NaN anything far from zero.
 * rounding: splat of 1.5 * 2^23.
 */
@inline
export function nearestIntegers(x: v128, rounding: v128): v128 {
  return i32x4.sub(f32x4.add(x, rounding), rounding)
}

/** What nearestIntegers takes. */
@inline
export function roundingConstant(): v128 {
  return constant(3)
}

/**
 * e^x, relative error under 2e-7 for -87 <= x <= 88; 0 below. Cephes expf: x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial
 * in r, then the exponent field (S. L. Moshier, Cephes Mathematical Library).
 */
@inline
export function exp4(x: v128): v128 {
  const lowest = constant(0), rounding = constant(3), one = constant(12)
  const clamped = f32x4.pmin(f32x4.pmax(x, lowest), constant(1))
  const shifted = madd(clamped, constant(2), rounding)
  const n = f32x4.sub(shifted, rounding)
  let r = madd(n, constant(4), clamped)
  r = madd(n, constant(5), r)
  let p = madd(constant(6), r, constant(7))
  p = madd(p, r, constant(8))
  p = madd(p, r, constant(9))
  p = madd(p, r, constant(10))
  p = madd(p, r, constant(11))
  p = madd(p, f32x4.mul(r, r), f32x4.add(r, one))
  // Of `shifted` only the low bits, n, survive the shift; the bits of 1 are the exponent's bias.
  const power = i32x4.add(i32x4.shl(shifted, 23), one)
  return v128.and(f32x4.mul(p, power), f32x4.ge(x, lowest))
}

const powers = memory.data<f32>([-126, ROUNDING, 1, 0.69312419, 0.24024099, 0.05590643, 0.00958285], 16)

/** Number i of the constants of pow2, in all lanes. */
@inline
function power(i: usize): v128 {
  return v128.load32_splat(powers + i * 4)
}

/**
 * 2^x for x <= 0, relative error under 3e-6, exactly 1 for 0; 0 below -126 and for NaN.
 * x = n + r, |r| <= 1 / 2: a minimax polynomial in r, to whose exponent field n is added.
 */
@inline
export function pow2(x: v128): v128 {
  const rounding = power(1)
  const clamped = f32x4.pmax(power(0), x)
  const shifted = f32x4.add(clamped, rounding)
  const r = f32x4.sub(clamped, f32x4.sub(shifted, rounding))
  let p = madd(power(6), r, power(5))
  p = madd(p, r, power(4))
  p = madd(p, r, power(3))
  p = madd(p, r, power(2))
  return v128.and(i32x4.add(p, i32x4.shl(shifted, 23)), f32x4.ge(x, power(0)))
}

import { LEAST_FOURS, QUAD, RAISE_BITS, TABLE_ENTRIES } from './layout'
import { backwards, lookup, nearestIntegers, roundingConstant } from './simd'

// Tables of n columns of activations, made once and used by every row of every matrix that reads those activations:
//   entries   int8, [group][block of four columns][quad of the group][column of the block][16], and behind the blocks (LEAST_FOURS
//             says which columns stand in them) [column][quad of the group][16] for the columns that are left
//   factors   f32 pairs (scale, sum) times RAISE, [group][column], straight behind the entries
// For a quad x0 .. x3, entry i is  round((+-x0 +-x1 +-x2 +-x3) / 2 / scale), + where bit c of i is set;
// scale = the group's largest |entry| / entryMax (layout.ts), so that entries are symmetric; sum = the group's sum of x.
// With centred bits b - 1/2 a plane's partial sum is exactly an entry (T-MAC, Wei et al. 2024; LUT-GEMM, Park et al. 2022).

// Signs of the first and of the second element in four successive entries.
const signs = memory.data<u32>([0x80000000, 0, 0x80000000, 0, 0x80000000, 0x80000000, 0, 0], 16)

/**
 * 2^56. Factors are so much larger than they are, since what they are multiplied with, half floats that were only shifted into place, is
 * 2^-112 as large as it is; products are 2^-56 as large until they are added to y. Activations and products of sizes from 1e-21 to 1e20 keep all
 * their bits on the way.
 */
export const RAISE: f32 = reinterpret<f32>((127 + RAISE_BITS) << 23)

/** How many of the first columns stand in blocks of four. */
@inline
export function columnsInFours(columns: i32): i32 {
  return columns < LEAST_FOURS ? 0 : columns & ~3
}

/** Bytes of the tables of `columns` activation vectors of length `size`. */
export function tableBytes(size: i32, columns: i32, groupSize: i32): i32 {
  return columns * ((size / QUAD) * TABLE_ENTRIES + (size / groupSize) * 8)
}

/**
 * tables <- x
 * x (columns, size) f32, rows `size` floats apart; size a multiple of groupSize.
 */
export function buildTables(tables: usize, x: usize, size: i32, columns: i32, groupSize: i32, entryMax: f32): void {
  const groups = size / groupSize
  const bytes = groupSize * (TABLE_ENTRIES / QUAD)
  const inFours = columnsInFours(columns)
  let entries = tables
  let factors = tables + columns * size * (TABLE_ENTRIES / QUAD)
  for (let group = 0; group < groups; group++) {
    for (let column = 0; column < columns; column++) {
      const inBlock = column < inFours
      const at = inBlock ? entries + (column & ~3) * bytes + (column & 3) * TABLE_ENTRIES : entries + column * bytes
      buildGroup(at, factors, x + ((column * size + group * groupSize) << 2), groupSize, inBlock ? 4 * TABLE_ENTRIES : TABLE_ENTRIES, entryMax)
      factors += 8
    }
    entries += columns * bytes
  }
}

/** One group of one column: entries (groupSize / 4, 16) int8, `stride` bytes apart, and factors (scale, sum) <- x (groupSize) f32. */
@inline
function buildGroup(entries: usize, factors: usize, x: usize, groupSize: i32, stride: i32, entryMax: f32): void {
  const end = x + (groupSize << 2)
  let sums = f32x4.splat(0)
  let largest = f32x4.splat(0)
  for (let p = x; p < end; p += 64) {
    // Four quads at once: transposing is not needed for sums, only for the sum of |x| in each quad.
    const a = v128.load(p), b = v128.load(p, 16), c = v128.load(p, 32), d = v128.load(p, 48)
    sums = f32x4.add(sums, f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))
    const sizeA = f32x4.abs(a), sizeB = f32x4.abs(b), sizeC = f32x4.abs(c), sizeD = f32x4.abs(d)
    const ab = f32x4.add(v128.shuffle<f32>(sizeA, sizeB, 0, 2, 4, 6), v128.shuffle<f32>(sizeA, sizeB, 1, 3, 5, 7))
    const cd = f32x4.add(v128.shuffle<f32>(sizeC, sizeD, 0, 2, 4, 6), v128.shuffle<f32>(sizeC, sizeD, 1, 3, 5, 7))
    largest = f32x4.pmax(largest, f32x4.add(v128.shuffle<f32>(ab, cd, 0, 2, 4, 6), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7)))
  }
  const top = max(
    max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
    max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
  )
  f32.store(factors, ((top * 0.5) / entryMax) * RAISE)
  const pairs = f32x4.add(sums, v128.shuffle<f32>(sums, sums, 2, 3, 0, 1))
  f32.store(factors, (f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)) * RAISE, 4)
  // top = 0: every x is 0 and every entry 0, whatever the factor.
  const inverse: f32 = top > 0 ? entryMax / top : 0
  const factor = f32x4.splat(inverse), rounding = roundingConstant(), reversed = backwards()
  const firstSigns = v128.load(signs), secondSigns = v128.load(signs, 16)
  for (let p = x; p < end; p += 16) {
    const quad = f32x4.mul(v128.load(p), factor)
    const third = v128.shuffle<f32>(quad, quad, 2, 2, 2, 2), fourth = v128.shuffle<f32>(quad, quad, 3, 3, 3, 3)
    const low = f32x4.add(
      v128.xor(v128.shuffle<f32>(quad, quad, 0, 0, 0, 0), firstSigns),
      v128.xor(v128.shuffle<f32>(quad, quad, 1, 1, 1, 1), secondSigns),
    )
    const e0 = nearestIntegers(f32x4.sub(low, f32x4.add(third, fourth)), rounding)
    const e1 = nearestIntegers(f32x4.add(low, f32x4.sub(third, fourth)), rounding)
    // Entry 15 - i has all signs turned: it is minus entry i.
    const first = i16x8.narrow_i32x4_s(e0, e1)
    v128.store(entries, i8x16.narrow_i16x8_s(first, i16x8.neg(lookup(first, reversed))))
    entries += stride
  }
}

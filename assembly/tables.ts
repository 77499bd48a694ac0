import { QUAD, TABLE_ENTRIES } from './layout'

// Tables of n columns of activations, made once and used by every row of every matrix that reads those activations:
//   entries   int8, [group][block of four columns][quad of the group][column of the block][16], and behind the whole blocks
//             [column][quad of the group][16] for the columns that are left
//   factors   f32 pairs (scale, sum), [group][column], straight behind the entries
// For a quad x0 .. x3, entry i is  round((+-x0 +-x1 +-x2 +-x3) / 2 / scale), + where bit c of i is set;
// scale = the group's largest |entry| / entryMax (layout.ts), so that entries are symmetric; sum = the group's sum of x.
// With centred bits b - 1/2 a plane's partial sum is exactly an entry (T-MAC, Wei et al. 2024; LUT-GEMM, Park et al. 2022).

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
  let entries = tables
  let factors = tables + columns * size * (TABLE_ENTRIES / QUAD)
  for (let group = 0; group < groups; group++) {
    for (let column = 0; column < columns; column++) {
      const inBlock = column < (columns & ~3)
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
    const ab = f32x4.add(
      v128.shuffle<f32>(f32x4.abs(a), f32x4.abs(b), 0, 2, 4, 6),
      v128.shuffle<f32>(f32x4.abs(a), f32x4.abs(b), 1, 3, 5, 7),
    )
    const cd = f32x4.add(
      v128.shuffle<f32>(f32x4.abs(c), f32x4.abs(d), 0, 2, 4, 6),
      v128.shuffle<f32>(f32x4.abs(c), f32x4.abs(d), 1, 3, 5, 7),
    )
    largest = f32x4.max(largest, f32x4.add(v128.shuffle<f32>(ab, cd, 0, 2, 4, 6), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7)))
  }
  const top = max(
    max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
    max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
  )
  f32.store(factors, (top * 0.5) / entryMax)
  const pairs = f32x4.add(sums, v128.shuffle<f32>(sums, sums, 2, 3, 0, 1))
  f32.store(factors, f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1), 4)
  // top = 0: every x is 0 and every entry 0, whatever the factor.
  const inverse: f32 = top > 0 ? entryMax / top : 0
  const firstSigns = f32x4(-1, 1, -1, 1)
  const secondSigns = f32x4(-1, -1, 1, 1)
  for (let p = x; p < end; p += 16) {
    const low = f32x4.add(
      f32x4.mul(f32x4.splat(f32.load(p) * inverse), firstSigns),
      f32x4.mul(f32x4.splat(f32.load(p, 4) * inverse), secondSigns),
    )
    const third = f32.load(p, 8) * inverse
    const fourth = f32.load(p, 12) * inverse
    const e0 = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.add(low, f32x4.splat(-third - fourth))))
    const e1 = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.add(low, f32x4.splat(third - fourth))))
    const e2 = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.add(low, f32x4.splat(fourth - third))))
    const e3 = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.add(low, f32x4.splat(third + fourth))))
    v128.store(entries, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(e0, e1), i16x8.narrow_i32x4_s(e2, e3)))
    entries += stride
  }
}

import { MAX_COLUMNS, MAX_GROUP, MAX_PLANES, QUAD, SCALE_BYTES, STEP_BYTES, TILE_ROWS, VECTOR_BYTES } from './layout'
import { evenPairs, firstFour, lastFour, madd, nibbleMask, shrunkHighBits, shrunkLowBits } from './simd'

// One block of a matrix (32 rows, one group of columns) taken apart once for all columns of activations. It stays in the first-level
// cache between them, and at an address that is a constant.
//   indexes   for each half of the tile (16 rows), each quad, each pair of planes: two vectors, rows 0-7 and 8-15 of the half,
//               byte 2j = plane 2i of row j, byte 2j + 1 = plane 2i + 1;
//             if planes are odd, one vector for the last: byte 2j = row j, byte 2j + 1 = row 8 + j
//   scales    32 f32, times 2^-112; or steps, for each eight rows two vectors of 8 i16: those of the even rows, then of the odd ones, each with
//               zeros in place of the others
//   mins      32 f32, times 2^-112, where the block has them

const SCALES = (MAX_GROUP / QUAD) * MAX_PLANES * 2 * VECTOR_BYTES
const MINS = SCALES + TILE_ROWS * 4
const unpacked = memory.data(MINS + TILE_ROWS * 4, 64)

/** (MAX_COLUMNS, 32) f32: products of one tile, since the columns of y are far apart in memory; or of several tiles and fewer columns. */
export const products = memory.data(MAX_COLUMNS * TILE_ROWS * 4, 64)

/** Indexes of one half, from quad `first` on; from quad to quad as many vectors as there are planes. */
@inline
export function unpackedIndexes(half: i32, first: i32, quads: i32, planes: i32): usize {
  return unpacked + (half * quads + first) * planes * VECTOR_BYTES
}

/** Scales of one half, (16) f32, or its steps. */
@inline
export function unpackedScales(half: i32): usize {
  return unpacked + SCALES + half * 64
}

/** Take apart the block at `block`. */
@inline
export function unpack(block: usize, quads: i32, planes: i32, hasMin: bool, stepped: bool): void {
  const nibble = nibbleMask()
  const other = quads * planes * VECTOR_BYTES
  let to = unpackedIndexes(0, 0, quads, planes)
  const end = to + other
  do {
    for (let pair = 0; pair < planes >> 1; pair++) {
      const a = v128.load(block), b = v128.load(block, VECTOR_BYTES)
      v128.store(to, v128.and(a, nibble))
      v128.store(to, v128.and(i16x8.shr_u(a, 4), nibble), VECTOR_BYTES)
      v128.store(to + other, v128.and(b, nibble))
      v128.store(to + other, v128.and(i16x8.shr_u(b, 4), nibble), VECTOR_BYTES)
      block += 2 * VECTOR_BYTES
      to += 2 * VECTOR_BYTES
    }
    if (planes & 1) {
      const a = v128.load(block)
      v128.store(to, v128.and(a, nibble))
      v128.store(to + other, v128.and(i16x8.shr_u(a, 4), nibble))
      block += VECTOR_BYTES
      to += VECTOR_BYTES
    }
  } while (to < end)
  if (stepped) unpackSteps(unpackedScales(0), block)
  else unpackHalves(unpackedScales(0), block)
  if (hasMin) unpackHalves(unpacked + MINS, block + TILE_ROWS * SCALE_BYTES)
}

/** out (4, 2, 8) i16 <- steps (32) u8 */
@inline
function unpackSteps(out: usize, steps: usize): void {
  const even = evenPairs()
  for (let i = 0; i < TILE_ROWS * STEP_BYTES; i += 8) {
    const eight = v128.load_ext<u8>(steps + i)
    v128.store(out + 4 * i, v128.and(eight, even))
    v128.store(out + 4 * i, v128.andnot(eight, even), 16)
  }
}

/** out (32) f32 <- halves (32), times 2^-112 */
@inline
function unpackHalves(out: usize, halves: usize): void {
  for (let i = 0; i < TILE_ROWS * SCALE_BYTES; i += 16) {
    const eight = v128.load(halves + i)
    const lowBits = shrunkLowBits(eight), highBits = shrunkHighBits(eight)
    v128.store(out + 2 * i, firstFour(lowBits, highBits))
    v128.store(out + 2 * i, lastFour(lowBits, highBits), 16)
  }
}

/** products (columns, 32) += min * sum. factors (columns): (factor, sum). */
@inline
export function addMins(columns: i32, factors: usize): void {
  for (let column = 0; column < columns; column++) {
    const to = products + column * (TILE_ROWS * 4), sum = v128.load32_splat(factors + 8 * column, 4)
    for (let i = 0; i < TILE_ROWS * 4; i += 16) {
      v128.store(to + i, madd(v128.load(unpacked + MINS + i), sum, v128.load(to + i)))
    }
  }
}

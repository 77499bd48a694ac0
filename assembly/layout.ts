// The weight format, stated once: the kernels, the packer and the loader all import this file
// (it is both AssemblyScript and TypeScript, so: untyped integer constants only).
//
// A matrix W (rows, cols) of P bit planes in groups of G columns is a row of blocks, one for every
// (tile of 32 rows, group of G columns), tiles outermost, each block read front to back:
//
//   indexes   for each quad of 4 columns in the group (G / 4 of them):
//               for each pair of planes (2i, 2i + 1): two vectors of 16 bytes, for rows 0-15 and 16-31 of the tile;
//                 byte 2j     = plane 2i     of row j (low nibble) and row 8 + j (high nibble)
//                 byte 2j + 1 = plane 2i + 1 of row j (low nibble) and row 8 + j (high nibble)
//               if P is odd, one vector for the last plane:
//                 byte 2j     = row j     (low nibble) and row 16 + j (high nibble)
//                 byte 2j + 1 = row 8 + j (low nibble) and row 24 + j (high nibble)
//             bit c of a nibble is the bit of column c of the quad
//   scales    32 half floats, one a row; or 32 unsigned bytes, the steps, one a row, where the tensor stores steps
//   mins      32 half floats, one a row; only where the tensor stores minimums
//
// Behind the blocks of a tile whose tensor stores steps:
//   rowScales 32 half floats, one a row
//
// A weight is  w = scale * (q + zeroPoint)                                 where no minimum is stored
//              w = scale * q + min                                         where one is
//              w = rowScale * step / STEPS * (q - (2^P - 1) / 2)           where steps are
// with q = sum_p 2^p * bit_p, an unsigned integer of P bits. Rows are padded to whole tiles with zero scales.

/** Rows in a tile. */
export const TILE_ROWS = 32
/** Columns in a quad: the bits of one table index. */
export const QUAD = 4
/** Entries (= bytes) in one lookup table. */
export const TABLE_ENTRIES = 16
/** Largest size of a table entry. */
export const ENTRY_MAX = 127
/** The same for matrices of few planes, whose own rounding makes the finer steps worthless: two such entries add in a byte. */
export const SHORT_ENTRY_MAX = 63
/** Most planes of a matrix that reads short entries, whatever its groups. */
export const SHORT_ENTRY_PLANES = 3
/** One of four planes reads short entries where its groups are larger than this, or of steps: those of exact imports of 4-bit types are neither. */
export const EXACT_GROUP = 32
/** Tables have factors that are 2^56 as large as they are (tables.ts says why). */
export const RAISE_BITS = 56
/** Bytes of one index vector. */
export const VECTOR_BYTES = 16
/** Bytes of one stored scale, row scale or minimum (IEEE half float). */
export const SCALE_BYTES = 2
/** Bytes of one stored step. */
export const STEP_BYTES = 1
/** Steps that a row's scale is long; the scale of a group is up to one less. */
export const STEPS = 256
/** Largest number of planes a tensor may have. */
export const MAX_PLANES = 8
/** Most columns that share a scale. */
export const MAX_GROUP = 128
/** Most columns of activations that are multiplied at once. */
export const MAX_COLUMNS = 32
/** From so many columns on whole blocks of four share what is unpacked; fewer, and those that are left, go one by one. */
export const LEAST_FOURS = 8
/** Heads are of a multiple of so many elements: whole vectors of all kernels, and a power of two for the Hadamard matrix of attention. */
export const HEAD_MULTIPLE = 32
/** Every tensor starts at a multiple of this many bytes. */
export const ALIGNMENT = 16

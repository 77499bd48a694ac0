import { QUAD, TILE_ROWS, VECTOR_BYTES } from '../../../assembly/layout.ts'
import { planesBytes } from '../../weights/plane-layout.ts'

/** A quantized matrix (rows, cols): row-major unsigned integers with a scale, and maybe a minimum, for each group of columns. */
export interface QuantizedMatrix {
  readonly rows: number
  readonly cols: number
  readonly planes: number
  readonly groupSize: number
  /** (rows, cols), each below 2^planes. */
  readonly q: Uint8Array
  /** (rows, cols / groupSize) half floats; (rows) where there are steps. */
  readonly scales: Uint16Array
  /** (rows, cols / groupSize): scales of groups, in units of their row's / STEPS; absent: they are half floats of their own. */
  readonly steps?: Uint8Array
  /** (rows, cols / groupSize) half floats; null: no minimum is stored. */
  readonly mins: Uint16Array | null
}

// The low bits of the four bytes of a word, times this, meet in the top byte as a nibble: byte c lands on bit 24 + c. The
// cross terms fall on distinct lower bits or off the top, so nothing carries.
const GATHER = 0x01020408
const LOW_BITS = 0x01010101

const HALF_VECTOR = VECTOR_BYTES / 2

/** Rows (low nibble, high nibble) of each byte of an unpaired plane's vector. */
const unpairedRow = (byte: number) => (byte >> 1) + (byte & 1) * HALF_VECTOR

function words(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  return new Uint32Array(aligned.buffer, aligned.byteOffset, bytes.length / 4)
}

function checkShape({ rows, cols, groupSize, q, scales, steps, mins }: QuantizedMatrix): void {
  const groups = cols / groupSize
  if (!Number.isInteger(groups) || groupSize % QUAD !== 0) {
    throw new RangeError(`${cols} columns are not whole groups of ${groupSize}`)
  }
  const [stepsNeeded, minsNeeded] = [steps && rows * groups, mins && rows * groups]
  const scalesNeeded = steps ? rows : rows * groups
  if (
    q.length !== rows * cols ||
    scales.length !== scalesNeeded ||
    steps?.length !== stepsNeeded ||
    (mins?.length ?? null) !== minsNeeded
  ) {
    throw new RangeError(`weights, scales or minimums do not fit the shape (${rows}, ${cols})`)
  }
  if (steps && mins) throw new RangeError('a matrix of steps has no minimums')
}

/**
 * Bytes of a matrix in the layout of assembly/layout.ts. Blocks of rows (multiples of 32, except the last) packed one by
 * one are the same bytes as the whole.
 */
export function packPlanes(matrix: QuantizedMatrix): Uint8Array {
  checkShape(matrix)
  const { rows, cols, planes, groupSize, scales, steps, mins } = matrix
  const quads = words(matrix.q)
  const rowQuads = cols / QUAD
  const groups = cols / groupSize
  const packed = new Uint8Array(
    planesBytes(rows, cols, { planes, groupSize, hasMin: mins !== null, stepped: steps !== undefined }),
  )
  const nibbles = new Uint8Array(planes * TILE_ROWS)
  let at = 0

  /** Of each row of a tile the half number `index` of `count`. */
  const writeHalves = (halves: Uint16Array, tile: number, index: number, count: number) => {
    for (let row = 0; row < TILE_ROWS; row++) {
      const value = tile + row < rows ? halves[(tile + row) * count + index] : 0
      packed[at++] = value & 0xff
      packed[at++] = value >> 8
    }
  }

  for (let tile = 0; tile < rows; tile += TILE_ROWS) {
    const tileRows = Math.min(TILE_ROWS, rows - tile)
    nibbles.fill(0)
    for (let group = 0; group < groups; group++) {
      for (let quad = 0; quad < groupSize / QUAD; quad++) {
        let source = tile * rowQuads + group * (groupSize / QUAD) + quad
        for (let row = 0; row < tileRows; row++, source += rowQuads) {
          const word = quads[source]
          for (let plane = 0; plane < planes; plane++) {
            nibbles[plane * TILE_ROWS + row] = Math.imul((word >>> plane) & LOW_BITS, GATHER) >>> 24
          }
        }
        at = writeVectors(packed, at, nibbles, planes)
      }
      if (steps === undefined) writeHalves(scales, tile, group, groups)
      else
        for (let row = 0; row < TILE_ROWS; row++)
          packed[at++] = row < tileRows ? steps[(tile + row) * groups + group] : 0
      if (mins !== null) writeHalves(mins, tile, group, groups)
    }
    if (steps !== undefined) writeHalves(scales, tile, 0, 1)
  }
  return packed
}

/** Vectors of one quad from its nibbles (planes, 32 rows); returns the position after them. */
function writeVectors(packed: Uint8Array, at: number, nibbles: Uint8Array, planes: number): number {
  for (let plane = 0; plane + 1 < planes; plane += 2) {
    const even = plane * TILE_ROWS
    const odd = even + TILE_ROWS
    for (let half = 0; half < TILE_ROWS; half += VECTOR_BYTES) {
      for (let row = half; row < half + HALF_VECTOR; row++) {
        packed[at++] = nibbles[even + row] | (nibbles[even + row + HALF_VECTOR] << 4)
        packed[at++] = nibbles[odd + row] | (nibbles[odd + row + HALF_VECTOR] << 4)
      }
    }
  }
  if (planes % 2 === 1) {
    const last = (planes - 1) * TILE_ROWS
    for (let byte = 0; byte < VECTOR_BYTES; byte++) {
      const row = last + unpairedRow(byte)
      packed[at++] = nibbles[row] | (nibbles[row + VECTOR_BYTES] << 4)
    }
  }
  return at
}

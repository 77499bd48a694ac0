import { QUAD, SCALE_BYTES, STEP_BYTES, TILE_ROWS, VECTOR_BYTES } from '../../assembly/layout.ts'
import type { QuantizedMatrix } from '../../src/pack/planes/layout.ts'
import { indexBytes, planesBytes } from '../../src/weights/plane-layout.ts'

const LOW_BITS = 0x01010101
// The packer's gather backwards: nibble * SPREAD has bit c at bit 8 c, beside strays that the mask removes.
const SPREAD = 0x00204081
const HALF_VECTOR = VECTOR_BYTES / 2

/** Rows (low nibble, high nibble) of each byte of an unpaired plane's vector. */
const unpairedRow = (byte: number) => (byte >> 1) + (byte & 1) * HALF_VECTOR

/** The matrix that `packPlanes` packed: its exact inverse. */
export function unpackPlanes(
  packed: Uint8Array,
  shape: { rows: number; cols: number; planes: number; groupSize: number; hasMin: boolean; stepped?: boolean },
): QuantizedMatrix {
  const { rows, cols, planes, groupSize, hasMin, stepped } = shape
  if (packed.length !== planesBytes(rows, cols, shape)) {
    throw new RangeError(`${packed.length} bytes are not a matrix of shape (${rows}, ${cols})`)
  }
  const groups = cols / groupSize
  const rowQuads = cols / QUAD
  const quads = new Uint32Array(rows * rowQuads)
  const scales = new Uint16Array(stepped ? rows : rows * groups)
  const steps = stepped ? new Uint8Array(rows * groups) : undefined
  const mins = hasMin ? new Uint16Array(rows * groups) : null
  const tileWords = new Uint32Array(TILE_ROWS)
  let at = 0

  const readHalves = (halves: Uint16Array, tile: number, index: number, count: number) => {
    for (let row = 0; row < TILE_ROWS && tile + row < rows; row++) {
      halves[(tile + row) * count + index] = packed[at + row * SCALE_BYTES] | (packed[at + row * SCALE_BYTES + 1] << 8)
    }
    at += TILE_ROWS * SCALE_BYTES
  }

  for (let tile = 0; tile < rows; tile += TILE_ROWS) {
    for (let group = 0; group < groups; group++) {
      const quadBytes = indexBytes(planes, groupSize) / (groupSize / QUAD)
      for (let quad = 0; quad < groupSize / QUAD; quad++, at += quadBytes) {
        readVectors(packed, at, tileWords, planes)
        for (let row = 0; row < TILE_ROWS && tile + row < rows; row++) {
          quads[(tile + row) * rowQuads + group * (groupSize / QUAD) + quad] = tileWords[row]
        }
      }
      if (steps) {
        for (let row = 0; row < TILE_ROWS && tile + row < rows; row++)
          steps[(tile + row) * groups + group] = packed[at + row]
        at += TILE_ROWS * STEP_BYTES
      } else readHalves(scales, tile, group, groups)
      if (mins !== null) readHalves(mins, tile, group, groups)
    }
    if (steps) readHalves(scales, tile, 0, 1)
  }
  return { rows, cols, planes, groupSize, q: new Uint8Array(quads.buffer), scales, ...(steps && { steps }), mins }
}

/** The four weights (one word) of each of the 32 rows, from the vectors of one quad. */
function readVectors(packed: Uint8Array, start: number, tileWords: Uint32Array, planes: number): void {
  let at = start
  tileWords.fill(0)
  const put = (nibble: number, plane: number, row: number) => {
    tileWords[row] |= (Math.imul(nibble & 0xf, SPREAD) & LOW_BITS) << plane
  }
  for (let plane = 0; plane + 1 < planes; plane += 2) {
    for (let half = 0; half < TILE_ROWS; half += VECTOR_BYTES) {
      for (let byte = 0; byte < VECTOR_BYTES; byte++, at++) {
        const row = half + (byte >> 1)
        put(packed[at], plane + (byte & 1), row)
        put(packed[at] >> 4, plane + (byte & 1), row + HALF_VECTOR)
      }
    }
  }
  if (planes % 2 === 1) {
    for (let byte = 0; byte < VECTOR_BYTES; byte++, at++) {
      put(packed[at], planes - 1, unpairedRow(byte))
      put(packed[at] >> 4, planes - 1, unpairedRow(byte) + VECTOR_BYTES)
    }
  }
}

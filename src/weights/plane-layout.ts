import { QUAD, SCALE_BYTES, TILE_ROWS, VECTOR_BYTES } from '../../assembly/layout.ts'
import type { PlanesTensor, Tensor } from './manifest.ts'

/** What decides the bytes of a matrix in the layout of assembly/layout.ts. */
export interface PlaneFormat {
  readonly planes: number
  readonly groupSize: number
  /** Whether a minimum is stored beside each scale. */
  readonly hasMin: boolean
}

/** Bytes of the index vectors of one block (32 rows of one group). */
export function indexBytes(planes: number, groupSize: number): number {
  return (groupSize / QUAD) * planes * VECTOR_BYTES
}

/** Bytes of one block: indexes, scales and, where stored, minimums. */
export function blockBytes({ planes, groupSize, hasMin }: PlaneFormat): number {
  return indexBytes(planes, groupSize) + TILE_ROWS * SCALE_BYTES * (hasMin ? 2 : 1)
}

/** Bytes of one tile: 32 rows of all columns. */
export function tileBytes(cols: number, format: PlaneFormat): number {
  return (cols / format.groupSize) * blockBytes(format)
}

/** Bytes of a whole matrix, its rows padded to whole tiles. */
export function planesBytes(rows: number, cols: number, format: PlaneFormat): number {
  return Math.ceil(rows / TILE_ROWS) * tileBytes(cols, format)
}

/** What the bytes of a matrix look like, from its manifest entry. */
export function planeFormat({ planes, groupSize, zeroPoint }: PlanesTensor): PlaneFormat {
  return { planes, groupSize, hasMin: zeroPoint === null }
}

/** Bytes of one tensor in its shards. */
export function tensorBytes(tensor: Tensor): number {
  if (tensor.kind === 'f32') return tensor.shape[0] * Float32Array.BYTES_PER_ELEMENT
  return planesBytes(...tensor.shape, planeFormat(tensor))
}

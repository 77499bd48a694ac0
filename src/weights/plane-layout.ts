import { QUAD, SCALE_BYTES, STEP_BYTES, TILE_ROWS, VECTOR_BYTES } from '../../assembly/layout.ts'
import type { PlanesTensor, Tensor } from './manifest.ts'

/** What decides the bytes of a matrix in the layout of assembly/layout.ts. */
export interface PlaneFormat {
  readonly planes: number
  readonly groupSize: number
  /** Whether a minimum is stored beside each scale. */
  readonly hasMin: boolean
  /** Whether a group's scale is stored in steps of its row's; absent: no. */
  readonly stepped?: boolean
}

/** w = scale (q + zeroPoint): levels about zero, without a minimum. */
export const centredZeroPoint = (planes: number) => -(2 ** planes - 1) / 2

/** Bytes of the index vectors of one block (32 rows of one group). */
export function indexBytes(planes: number, groupSize: number): number {
  return (groupSize / QUAD) * planes * VECTOR_BYTES
}

/** Bytes of one block: indexes, scales or steps and, where stored, minimums. */
export function blockBytes({ planes, groupSize, hasMin, stepped }: PlaneFormat): number {
  return indexBytes(planes, groupSize) + TILE_ROWS * (stepped ? STEP_BYTES : SCALE_BYTES * (hasMin ? 2 : 1))
}

/** Bytes of one tile: 32 rows of all columns, and their row scales where there are steps. */
export function tileBytes(cols: number, format: PlaneFormat): number {
  return (cols / format.groupSize) * blockBytes(format) + (format.stepped ? TILE_ROWS * SCALE_BYTES : 0)
}

/** Bytes of a whole matrix, its rows padded to whole tiles. */
export function planesBytes(rows: number, cols: number, format: PlaneFormat): number {
  return Math.ceil(rows / TILE_ROWS) * tileBytes(cols, format)
}

/** What the bytes of a matrix look like, from its manifest entry. */
export function planeFormat({ planes, groupSize, zeroPoint, scales }: PlanesTensor): PlaneFormat {
  return { planes, groupSize, hasMin: zeroPoint === null, stepped: scales === 'steps' }
}

/** Bytes of one tensor in its shards. */
export function tensorBytes(tensor: Tensor): number {
  if (tensor.kind === 'f32') return tensor.shape[0] * Float32Array.BYTES_PER_ELEMENT
  return planesBytes(...tensor.shape, planeFormat(tensor))
}

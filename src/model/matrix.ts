import { ENTRY_MAX, EXACT_GROUP, SHORT_ENTRY_MAX, SHORT_ENTRY_PLANES, TILE_ROWS } from '../../assembly/layout.ts'
import type { PlanesTensor } from '../weights/manifest.ts'
import type { PlaneFormat } from '../weights/plane-layout.ts'
import type { Kernels, Pointer } from './kernels.ts'

/** A bit-plane matrix in Wasm memory: what the kernels need to know of it. */
export interface Matrix {
  readonly pointer: Pointer
  readonly rows: number
  readonly cols: number
  readonly planes: number
  readonly groupSize: number
  readonly zeroPoint: number
  readonly hasMin: boolean
  /** Whether scales are steps. */
  readonly stepped: boolean
  /** What the kernels add to q - (2^planes - 1) / 2, the centred integer they work with. */
  readonly centre: number
}

export function matrixAt(pointer: Pointer, tensor: PlanesTensor): Matrix {
  const { planes, groupSize } = tensor
  const zeroPoint = tensor.zeroPoint ?? 0
  return {
    pointer,
    rows: tensor.shape[0],
    cols: tensor.shape[1],
    planes,
    groupSize,
    zeroPoint,
    hasMin: tensor.zeroPoint === null,
    stepped: tensor.scales === 'steps',
    centre: (2 ** planes - 1) / 2 + zeroPoint,
  }
}

/** Floats from one column of a product to the next: rows rounded up to whole tiles. */
export function rowStride(rows: number): number {
  return Math.ceil(rows / TILE_ROWS) * TILE_ROWS
}

/** Largest entry of the tables that a matrix reads. */
export function entryMax({
  planes,
  groupSize,
  stepped,
}: Pick<PlaneFormat, 'planes' | 'groupSize' | 'stepped'>): number {
  const isShort = planes <= SHORT_ENTRY_PLANES || (planes === 4 && (groupSize > EXACT_GROUP || stepped === true))
  return isShort ? SHORT_ENTRY_MAX : ENTRY_MAX
}

/**
 * out += W x for each matrix that reads the same x.
 * x (columns, cols) f32; outs[i] (columns, stride) f32, of which the first rowStride(rows of matrices[i]) are written; tables: scratch of
 * kernels.tableBytes. stride: that number, unless told.
 * Tables are made once for matrices of equal group size and entries that stand side by side.
 */
export function multiply(
  kernels: Kernels,
  outs: readonly Pointer[],
  matrices: readonly Matrix[],
  x: Pointer,
  columns: number,
  tables: Pointer,
  stride?: number,
): void {
  matrices.forEach((w, i) => {
    const largest = entryMax(w)
    const before = matrices[i - 1]
    if (before?.groupSize !== w.groupSize || entryMax(before) !== largest) {
      kernels.buildTables(tables, x, w.cols, columns, w.groupSize, largest)
    }
    kernels.matmul(
      outs[i],
      w.pointer,
      tables,
      w.rows,
      w.cols,
      columns,
      (stride ?? rowStride(w.rows)) * 4,
      w.planes,
      w.groupSize,
      w.centre,
      w.hasMin,
      w.stepped,
    )
  })
}

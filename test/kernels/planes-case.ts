import { TILE_ROWS } from '../../assembly/layout.ts'
import { createRandom } from '../../src/generate/random.ts'
import { entryMax } from '../../src/model/matrix.ts'
import { packPlanes, type QuantizedMatrix } from '../../src/pack/planes/layout.ts'
import type { KernelBuild } from './harness.ts'
import { activations, gaussians, integer, type MatrixShape, matrix } from './random-values.ts'

/** Everything that a matrix kernel needs. */
export interface PlanesCase {
  readonly w: QuantizedMatrix
  readonly zeroPoint: number
  /** (columns, cols) */
  readonly x: Float32Array
  readonly columns: number
  /** (columns, rows): what y holds before. */
  readonly before: Float32Array
}

/** A random case; zero points as packs have them: none, the middle, the largest q, or anything. */
export function planesCase(seed: number, shape: MatrixShape, columns: number): PlanesCase {
  const random = createRandom(seed)
  const w = matrix(random, shape)
  const largest = 2 ** w.planes - 1
  const zeroPoints = [0, -(2 ** (w.planes - 1)), -largest / 2, -largest, -20 * random()].map(Math.fround)
  return {
    w,
    zeroPoint: shape.stepped ? -largest / 2 : shape.hasMin ? 0 : zeroPoints[integer(random, 0, zeroPoints.length - 1)],
    x: activations(random, columns * w.cols),
    columns,
    before: gaussians(random, columns * w.rows),
  }
}

/**
 * before + W x (columns, rows) by the kernel. Columns of y stand further apart than they are long.
 * @throws RangeError where the kernel wrote between them.
 */
export function kernelProduct(
  { kernels, run }: KernelBuild,
  { w, zeroPoint, x, columns, before }: PlanesCase,
): Float32Array {
  const { rows, cols, planes, groupSize } = w
  const stepped = w.steps !== undefined
  const paddedRows = Math.ceil(rows / TILE_ROWS) * TILE_ROWS
  const stride = paddedRows + 16
  const gap = 12345
  const y = new Float32Array(columns * stride).fill(gap)
  for (let column = 0; column < columns; column++) {
    y.set(before.subarray(column * rows, (column + 1) * rows), column * stride)
  }
  return run((memory) => {
    const out = memory.floats(y)
    const tables = memory.bytes(kernels.tableBytes(cols, columns, groupSize))
    kernels.buildTables(
      tables.byteOffset,
      memory.floats(x).byteOffset,
      cols,
      columns,
      groupSize,
      entryMax({ planes, groupSize, stepped }),
    )
    const centre = (2 ** planes - 1) / 2 + zeroPoint
    const packed = memory.bytes(packPlanes(w))
    kernels.matmul(
      out.byteOffset,
      packed.byteOffset,
      tables.byteOffset,
      rows,
      cols,
      columns,
      stride * 4,
      planes,
      groupSize,
      centre,
      w.mins !== null,
      stepped,
    )
    const product = new Float32Array(columns * rows)
    for (let column = 0; column < columns; column++) {
      const written = out.subarray(column * stride, (column + 1) * stride)
      product.set(written.subarray(0, rows), column * rows)
      // Padding rows have zero scales: they may be written, but add nothing.
      if (written.subarray(rows).some((value) => value !== gap)) throw new RangeError(`column ${column} spills over`)
    }
    return product
  })
}

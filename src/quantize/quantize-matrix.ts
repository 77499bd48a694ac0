import type { Pointer } from '../model/kernels.ts'
import type { QuantizedMatrix } from '../pack/planes/layout.ts'
import { jobsOf } from './float-matrix.ts'
import type { FloatPool } from './float-pool.ts'

/** Rows that a thread rounds at a time: the most that the kernel takes. */
const ROWS_A_JOB = 128

export interface PlaneGrid {
  readonly planes: number
  readonly groupSize: number
}

/** w = scale (q + zeroPoint): levels about zero, without a minimum. */
export const centredZeroPoint = (planes: number) => -(2 ** planes - 1) / 2

/** Bytes of the arena for the results of a matrix of so many weights. */
export function resultBytes(weights: number, { groupSize }: Pick<PlaneGrid, 'groupSize'>): number {
  return weights + (weights / groupSize) * 4
}

/**
 * Round w (rows, cols) f32 with error feedback, and w <- what the result stands for. u (cols, cols), d (cols): by factorize, of what
 * the matrix is multiplied with. results: resultBytes.
 */
export async function quantizeMatrix(
  pool: FloatPool,
  w: Pointer,
  { u, d, results }: { u: Pointer; d: Pointer; results: Pointer },
  { rows, cols, planes, groupSize }: PlaneGrid & { rows: number; cols: number },
): Promise<QuantizedMatrix> {
  const groups = cols / groupSize
  const [scales, q] = [results, results + rows * groups * 4]
  await pool.run(
    jobsOf(rows, ROWS_A_JOB, (first, count) => {
      const at = first * cols
      return [['quantizeRows', w + at * 4, q + at, scales + first * groups * 4, u, d, count, cols, planes, groupSize]]
    }),
  )
  const halves = new Float16Array(pool.floats(scales, rows * groups))
  return {
    rows,
    cols,
    planes,
    groupSize,
    q: pool.bytes(q, rows * cols).slice(),
    scales: new Uint16Array(halves.buffer),
    mins: null,
  }
}

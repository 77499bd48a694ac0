import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import type { QuantizedMatrix } from '../pack/planes/layout.ts'
import { jobsOf } from './float-matrix.ts'
import type { FloatPool } from './float-pool.ts'

/** Rows that a thread rounds at a time: the most that the kernel takes. */
const ROWS_A_JOB = 128
/** Columns of the largest group. */
const LARGEST_GROUP = 128

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

/** Of what a matrix is multiplied with: second moments h (cols, cols) f32 and their factors u (cols, cols), d (cols), by factorize. */
export interface Moments {
  readonly h: Pointer
  readonly u: Pointer
  readonly d: Pointer
}

/** Bytes of the pool that moments of so many columns take. */
export function momentsBytes(cols: number): number {
  return 2 * align(cols * cols * 4) + align(cols * 4)
}

/** Moments that count all errors of (cols) columns the same. */
export function unitMoments(pool: FloatPool, { h, u, d }: Moments, cols: number): void {
  const matrix = pool.floats(h, cols * cols).fill(0)
  for (let i = 0; i < cols; i++) matrix[i * cols + i] = 1
  pool.floats(u, cols * cols).fill(0)
  pool.floats(d, cols).fill(1)
}

/** Columns of a block that holds whole groups: with unit moments each can be a row of its own, which rounds the same for less work. */
export function unrelatedColumns(cols: number): number {
  return Math.min(LARGEST_GROUP, cols & -cols)
}

/** A matrix rounded, and the squared error that this leaves in all its outputs over all tokens of the calibration. */
export interface RoundedMatrix extends QuantizedMatrix {
  readonly error: number
}

/** Round w (rows, cols) f32 with error feedback, and w <- what the result stands for. results: resultBytes. */
export async function quantizeMatrix(
  pool: FloatPool,
  w: Pointer,
  { h, u, d }: Moments,
  results: Pointer,
  { rows, cols, planes, groupSize }: PlaneGrid & { rows: number; cols: number },
): Promise<RoundedMatrix> {
  const groups = cols / groupSize
  const [scales, q] = [results, results + rows * groups * 4]
  const errors = await pool.run(
    jobsOf(rows, ROWS_A_JOB, (first, count) => {
      const at = first * cols
      return [
        ['quantizeRows', w + at * 4, q + at, scales + first * groups * 4, u, d, h, count, cols, planes, groupSize],
      ]
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
    error: errors.reduce((sum: number, error) => sum + error!, 0),
  }
}

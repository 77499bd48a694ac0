/// <reference lib="esnext.float16" />
import { STEPS } from '../../assembly/layout.ts'
import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import type { QuantizedMatrix } from '../pack/planes/layout.ts'
import type { FloatJob } from './float-kernels.ts'
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

/** Bytes of the arena for the results of a matrix of so many weights: besides them a scale for each group, and for each row, which are not more. */
export function resultBytes(weights: number, { groupSize }: Pick<PlaneGrid, 'groupSize'>): number {
  return weights + (weights / groupSize) * 8
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

export function allocateMoments(pool: FloatPool, cols: number): Moments {
  const [h, u, d] = [cols * cols, cols * cols, cols].map((floats) => pool.allocate(floats * 4))
  return { h, u, d }
}

/** Moments that count all errors of (cols) columns the same. */
export function unitMoments(pool: FloatPool, { h, u, d }: Moments, cols: number): void {
  const matrix = pool.floats(h, cols * cols).fill(0)
  for (let i = 0; i < cols; i++) matrix[i * cols + i] = 1
  pool.floats(u, cols * cols).fill(0)
  pool.floats(d, cols).fill(1)
}

/** Columns of a block that holds whole groups: with unit moments blocks have nothing to do with each other, and take less work one by one. */
export function unrelatedColumns(cols: number): number {
  const width = Math.min(LARGEST_GROUP, cols & -cols)
  return cols / width > ROWS_A_JOB ? cols : width
}

/** A matrix rounded, and the squared error that this leaves in all its outputs over all tokens of the calibration. */
export interface RoundedMatrix extends QuantizedMatrix {
  readonly steps: Uint8Array
  readonly error: number
}

export interface RoundedShape extends PlaneGrid {
  readonly rows: number
  readonly cols: number
  /** Columns of the moments, all or such as have nothing to do with the others. */
  readonly width?: number
}

/** Where the results of a matrix lie: scales (rows, groups) f32, rowScales (rows, parts) f32, q (rows, cols) u8. */
function layoutOf(results: Pointer, { rows, cols, groupSize, width = cols }: RoundedShape) {
  const [groups, parts] = [cols / groupSize, cols / width]
  const rowScales = results + rows * groups * 4
  return { groups, parts, width, scales: results, rowScales, q: rowScales + rows * parts * 4 }
}

/** What rounds w (rows, cols) f32 with error feedback: each job gives the squared error of its rows. results: resultBytes. */
export function roundingJobs(w: Pointer, { h, u, d }: Moments, results: Pointer, shape: RoundedShape): FloatJob[] {
  const { rows, cols, planes, groupSize } = shape
  const { groups, parts, width, scales, rowScales, q } = layoutOf(results, shape)
  return jobsOf(rows, Math.floor(ROWS_A_JOB / parts), (first, count) => {
    const at = first * cols
    return [
      [
        'quantizeRows',
        ...([w + at * 4, q + at, scales + first * groups * 4, rowScales + first * parts * 4] as const),
        ...([u, d, h, count * parts, width, planes, groupSize, parts] as const),
      ],
    ]
  })
}

/** Round w (rows, cols) f32 with error feedback, and w <- what the result stands for. results: resultBytes. */
export async function quantizeMatrix(
  pool: FloatPool,
  w: Pointer,
  moments: Moments,
  results: Pointer,
  shape: RoundedShape,
): Promise<RoundedMatrix> {
  const { rows, cols, planes, groupSize } = shape
  const { groups, parts, scales, rowScales, q } = layoutOf(results, shape)
  const errors = await pool.run(roundingJobs(w, moments, results, shape))
  const ofParts = pool.floats(rowScales, rows * parts)
  const ofRows = Float16Array.from({ length: rows }, (_, row) => ofParts[row * parts])
  const steps = Uint8Array.from(pool.floats(scales, rows * groups), (scale, i) =>
    scale === 0 ? 0 : Math.round((scale * STEPS) / ofRows[Math.floor(i / groups)]),
  )
  return {
    rows,
    cols,
    planes,
    groupSize,
    q: pool.bytes(q, rows * cols).slice(),
    scales: new Uint16Array(ofRows.buffer),
    steps,
    mins: null,
    error: errors.reduce((sum: number, error) => sum + error!, 0),
  }
}

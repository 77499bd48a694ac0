import type { Pointer } from '../model/kernels.ts'
import type { FloatJob } from './float-kernels.ts'
import type { FloatPool } from './float-pool.ts'

/** Rows of a product that a thread computes at a time. */
const ROWS_A_JOB = 256

/** A job for each `step` of `count` rows, and one for the rest. */
export function jobsOf(count: number, step: number, job: (first: number, size: number) => FloatJob): FloatJob[] {
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => job(i * step, Math.min(step, count - i * step)))
}

/** y (count, rows) <- [y +] x W^T for x (count, cols) and W (rows, cols), all f32. */
export async function multiplyBy(
  pool: FloatPool,
  y: Pointer,
  x: Pointer,
  w: Pointer,
  { count, rows, cols }: { count: number; rows: number; cols: number },
  accumulate = false,
): Promise<void> {
  await pool.run(
    jobsOf(count, ROWS_A_JOB, (first, size) => {
      const [to, from] = [y + first * rows * 4, x + first * cols * 4]
      return [['gemm', to, rows, from, cols, 1, w, 1, cols, size, rows, cols, 1, accumulate]]
    }),
  )
}

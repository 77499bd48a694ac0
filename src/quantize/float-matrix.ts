import type { Pointer } from '../model/kernels.ts'
import type { FloatJob } from './float-kernels.ts'
import type { FloatPool } from './float-pool.ts'

/** Of a product, the rows and columns that a thread computes at a time: as gemm cuts it itself, so that more jobs copy no more. */
const ROWS_A_JOB = 256
const COLUMNS_A_JOB = 512

/** Something for each `step` of `count` rows, and for the rest. */
export function jobsOf<T = FloatJob>(count: number, step: number, job: (first: number, size: number) => T): T[] {
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => job(i * step, Math.min(step, count - i * step)))
}

/** A matrix whose element (i, j) is `i * row + j * column` floats behind the pointer. */
export type Strided = readonly [at: Pointer, row: number, column: number]

export interface Product {
  /** c (m, n), rows one behind the other; a (m, k); b (k, n). */
  readonly m: number
  readonly n: number
  readonly k: number
  readonly factor?: number
  /** Add to c, which otherwise is overwritten. */
  readonly accumulate?: boolean
  /** c is symmetric: only what lies on and above its diagonal is wanted, in whole blocks. */
  readonly upper?: boolean
}

/** c <- [c +] factor a b, all f32, in blocks. */
export async function multiply(
  pool: FloatPool,
  c: Pointer,
  [a, aRow, aColumn]: Strided,
  [b, bRow, bColumn]: Strided,
  { m, n, k, factor = 1, accumulate = false, upper = false }: Product,
): Promise<void> {
  const jobs = jobsOf(m, ROWS_A_JOB, (row, rows) => {
    const left = upper ? row : 0
    return jobsOf<FloatJob>(n - left, COLUMNS_A_JOB, (first, columns) => {
      const column = left + first
      const to = c + (row * n + column) * 4
      const [fromA, fromB] = [a + row * aRow * 4, b + column * bColumn * 4]
      return [['gemm', to, n, fromA, aRow, aColumn, fromB, bRow, bColumn, rows, columns, k, factor, accumulate]]
    })
  })
  await pool.run(jobs.flat())
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
  await multiply(pool, y, [x, cols, 1], [w, 1, cols], { m: count, n: rows, k: cols, accumulate })
}

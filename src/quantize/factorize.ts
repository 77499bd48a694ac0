import type { Pointer } from '../model/kernels.ts'
import { jobsOf } from './float-matrix.ts'
import type { FloatPool } from './float-pool.ts'

/** Columns of a block of the factorization, and rows that a thread works on at a time. */
const BLOCK = 128
const ROWS_A_JOB = 256
/** Added to the diagonal, as a share of its mean: inputs that calibration hardly saw must not look free (Frantar et al. 2023). */
const DAMPING = 0.01
/** Each further try where rounding leaves the matrix without a factorization. */
const DAMPING_STEP = 10
const TRIES = 4

/**
 * Second moments H as secondMoments leaves them -> U and D with H + damping = (I + U) D (I + U)^T: h (size, size) f32 <- U, strictly upper
 * triangular, and d (size) f32 <- D.
 */
export async function factorize(pool: FloatPool, h: Pointer, d: Pointer, size: number): Promise<void> {
  const matrix = pool.floats(h, size * size)
  let trace = 0
  for (let i = 0; i < size; i++) trace += matrix[i * size + i]
  // Both axes turned around: what was above the diagonal is below, and a lower triangular factor becomes an upper one.
  matrix.reverse()
  const moments = matrix.slice()
  let damping = DAMPING
  for (let tried = 1; ; tried++) {
    for (let i = 0; i < size; i++) matrix[i * size + i] += trace === 0 ? 1 : (damping * trace) / size
    if (await cholesky(pool, h, size)) break
    if (tried === TRIES) throw new Error(`second moments of ${size} inputs have no Cholesky factorization`)
    damping *= DAMPING_STEP
    matrix.set(moments)
  }
  for (let i = 0; i < size; i++) matrix.fill(0, i * size + i + 1, (i + 1) * size)
  matrix.reverse()
  const factors = pool.floats(d, size)
  for (let i = 0; i < size; i++) factors[i] = matrix[i * size + i]
  for (let i = 0; i < size; i++) {
    for (let j = i + 1; j < size; j++) matrix[i * size + j] /= factors[j]
    matrix[i * size + i] = 0
  }
  for (let i = 0; i < size; i++) factors[i] *= factors[i]
}

/** Lower triangle of a (size, size) <- L with a = L L^T, block column by block column. false: a is not positive definite. */
async function cholesky(pool: FloatPool, a: Pointer, size: number): Promise<boolean> {
  const at = (row: number, col: number) => a + (row * size + col) * 4
  for (let first = 0; first < size; first += BLOCK) {
    const width = Math.min(BLOCK, size - first)
    const [positive] = await pool.run([[['factorDiagonal', at(first, first), size, width]]])
    if (!positive) return false
    const below = first + width
    await pool.run(
      jobsOf(size - below, ROWS_A_JOB, (row, rows) => [
        ['solvePanel', at(below + row, first), at(first, first), size, rows, width],
      ]),
    )
    await pool.run(
      jobsOf(size - below, ROWS_A_JOB, (row, rows) => {
        const to = below + row
        return [
          [
            'gemm',
            at(to, below),
            size,
            at(to, first),
            size,
            1,
            at(below, first),
            1,
            size,
            rows,
            row + rows,
            width,
            -1,
            true,
          ],
        ]
      }),
    )
  }
  return true
}

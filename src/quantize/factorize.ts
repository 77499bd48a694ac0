import type { Pointer } from '../model/kernels.ts'
import { jobsOf } from './float-matrix.ts'
import type { FloatPool } from './float-pool.ts'
import type { Moments } from './quantize-matrix.ts'

/** Columns of a block of the factorization, and rows that a thread works on at a time. */
const BLOCK = 128
const ROWS_A_JOB = 256
/** Added to the diagonal, as a share of its mean: inputs that calibration hardly saw must not look free (Frantar et al. 2023). */
const DAMPING = 0.01
/** Each further try where rounding leaves the matrix without a factorization. */
const DAMPING_STEP = 10
const TRIES = 4

/**
 * Second moments H as secondMoments leaves them -> U and D with H + damping = (I + U) D (I + U)^T: u (size, size) f32 <- U, strictly upper
 * triangular, d (size) f32 <- D, and h (size, size) f32 <- H + damping, both triangles.
 */
export async function factorize(pool: FloatPool, { h, u, d }: Moments, size: number): Promise<void> {
  const moments = pool.floats(h, size * size)
  const matrix = pool.floats(u, size * size)
  let trace = 0
  for (let i = 0; i < size; i++) {
    trace += moments[i * size + i]
    for (let j = 0; j < i; j++) moments[i * size + j] = moments[j * size + i]
  }
  let damping = DAMPING
  for (let tried = 1; ; tried++) {
    for (let i = 0; i < size; i++) moments[i * size + i] += trace === 0 ? 1 : (damping * trace) / size
    // Both axes turned around: what was above the diagonal is below, and a lower triangular factor becomes an upper one.
    matrix.set(moments)
    matrix.reverse()
    if (await cholesky(pool, u, size)) break
    if (tried === TRIES) throw new Error(`second moments of ${size} inputs have no Cholesky factorization`)
    damping *= DAMPING_STEP
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

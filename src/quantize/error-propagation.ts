import type { Pointer } from '../model/kernels.ts'
import { jobsOf, multiply } from './float-matrix.ts'
import type { FloatPool } from './float-pool.ts'
import type { Moments } from './quantize-matrix.ts'

// What a matrix is multiplied with has the errors of all that was rounded before it. So before it is rounded itself, its weights move towards those whose
// outputs, for these inputs, are nearest to what the exact weights give for exact ones: quantization error propagation (Arai and Ichikawa
// 2025, arXiv 2504.09629).

/**
 * The part of the way that weights move. The whole of it makes outputs smaller, as least squares do where inputs have errors, and that adds up over
 * the layers: as the paper says, too, half is better (docs/quantization.md).
 */
const STRENGTH = 0.5

/** Rows that a thread works on at a time. */
const ROWS_A_JOB = 128

/** Inputs of a calibration: x (count, size) f32 as what was rounded leaves them, and exact, of the same shape. */
export interface InputPair {
  readonly x: Pointer
  readonly exact: Pointer
  readonly count: number
  readonly size: number
}

/**
 * c (size, size) f32 <- strength sum (exact - x) x^T over all inputs, of which there are more than columns; exact is overwritten. The nearer their
 * numbers, the more least squares fit the noise of the text, and the less the strength is.
 */
export async function crossMoments(pool: FloatPool, c: Pointer, { x, exact, count, size }: InputPair): Promise<void> {
  const [errors, values] = [pool.floats(exact, count * size), pool.floats(x, count * size)]
  for (let i = 0; i < errors.length; i++) errors[i] -= values[i]
  const strength = STRENGTH * (1 - size / count)
  await multiply(pool, c, [exact, 1, size], [x, size, 1], { m: size, n: size, k: count, factor: strength })
}

/** w (rows, cols) f32 <- w (I + c h^-1), for c (cols, cols) of crossMoments and the moments of the same inputs. */
export async function propagateErrors(
  pool: FloatPool,
  w: Pointer,
  c: Pointer,
  { u, d }: Moments,
  { rows, cols }: { rows: number; cols: number },
): Promise<void> {
  const mark = pool.mark()
  const moves = pool.allocate(rows * cols * 4)
  await pool.run(
    jobsOf(rows, ROWS_A_JOB, (first, count) => {
      const [from, to] = [w + first * cols * 4, moves + first * cols * 4]
      return [
        ['gemm', to, cols, from, cols, 1, c, cols, 1, count, cols, cols, 1, false],
        ['solveRows', to, u, d, count, cols],
      ]
    }),
  )
  const [weights, moved] = [pool.floats(w, rows * cols), pool.floats(moves, rows * cols)]
  for (let i = 0; i < weights.length; i++) weights[i] += moved[i]
  pool.release(mark)
}

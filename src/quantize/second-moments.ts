import type { Pointer } from '../model/kernels.ts'
import { multiply } from './float-matrix.ts'
import type { FloatPool } from './float-pool.ts'

/** h (size, size) f32 <- sum of x x^T over the rows of x (count, size) f32, on and above the diagonal; below it h is not to be read. */
export async function secondMoments(
  pool: FloatPool,
  h: Pointer,
  x: Pointer,
  { count, size }: { count: number; size: number },
): Promise<void> {
  await multiply(pool, h, [x, 1, size], [x, size, 1], { m: size, n: size, k: count, upper: true })
}

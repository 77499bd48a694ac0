import type { Pointer } from '../model/kernels.ts'
import type { FloatPool } from './float-pool.ts'

/** Rows of a block of the matrix that a thread computes at a time. */
const BLOCK = 256

/** h (size, size) f32 <- sum of x x^T over the rows of x (count, size) f32; of each block on the diagonal all, else what is above it. */
export async function secondMoments(
  pool: FloatPool,
  h: Pointer,
  x: Pointer,
  { count, size }: { count: number; size: number },
): Promise<void> {
  const blocks = Array.from({ length: Math.ceil(size / BLOCK) }, (_, i) => i * BLOCK)
  await pool.run(
    blocks.map((first) => {
      const rows = Math.min(BLOCK, size - first)
      const at = first * 4
      const c = h + (first * size + first) * 4
      return [['gemm', c, size, x + at, 1, size, x + at, size, 1, rows, size - first, count, 1, false]] as const
    }),
  )
}

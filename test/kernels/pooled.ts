import type { FloatPool } from '../../src/quantize/float-pool.ts'

/** Values in a pool's memory: where, and as they are there. */
export function pooled(pool: FloatPool, values: Float32Array): { pointer: number; values: Float32Array } {
  const pointer = pool.put(values)
  return { pointer, values: pool.floats(pointer, values.length) }
}

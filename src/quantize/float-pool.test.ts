import { expect, it } from 'vitest'
import { FloatPool } from './float-pool.ts'

/** The most that Wasm has. */
const MOST = 4096 * 2 ** 20

it('has as many threads as there is room for beside what is allocated', async () => {
  const pool = await FloatPool.create(MOST - 64 * 2 ** 20, 10496, 1000)
  try {
    pool.allocate(MOST - 64 * 2 ** 20)
    const values = [1, 2, 3].map((value) => pool.put(Float32Array.of(value)))
    expect(values.map((pointer) => pool.floats(pointer, 1)[0])).toEqual([1, 2, 3])
  } finally {
    await pool.close()
  }
})

it('says what to do where there is no room for one', async () => {
  await expect(FloatPool.create(MOST - 2 ** 20, 10496)).rejects.toThrow('give a shorter text')
})

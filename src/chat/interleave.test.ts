import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { interleave } from './interleave.ts'

/** Yields so many numbers, and counts how many like it run. */
async function* counting(state: { running: number; most: number }, length: number, fail = false) {
  state.most = Math.max(state.most, ++state.running)
  try {
    for (let i = 0; i < length; i++) {
      await setImmediate()
      if (fail && i === 1) throw new Error('broken')
      yield i
    }
  } finally {
    state.running--
  }
}

test('all values come, those of each generator in their order, no more generators at once than may be', async () => {
  const state = { running: 0, most: 0 }
  const lengths = [3, 0, 5, 1, 4]
  const got: number[][] = lengths.map(() => [])
  const generators = lengths.map((length) => counting(state, length))
  for await (const [index, value] of interleave(generators, 2, () => {})) got[index].push(value)
  expect(got).toEqual(lengths.map((length) => Array.from({ length }, (_, i) => i)))
  expect(state).toEqual({ running: 0, most: 2 })
})

test('the first error closes them all, and is thrown', async () => {
  const state = { running: 0, most: 0 }
  let stopped = 0
  const generators = [counting(state, 9), counting(state, 9, true), counting(state, 9)]
  const read = async () => {
    for await (const _ of interleave(generators, 3, () => stopped++));
  }
  await expect(read()).rejects.toThrow('broken')
  expect([state.running, stopped]).toEqual([0, 1])
})

test('whoever leaves closes them all', async () => {
  const state = { running: 0, most: 0 }
  const generators = [counting(state, 9), counting(state, 9)]
  for await (const _ of interleave(generators, 2, () => {})) break
  expect(state.running).toBe(0)
})

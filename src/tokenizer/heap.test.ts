import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MinHeap } from './heap.ts'

test('pops in ascending order, duplicates included, across growth', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 300 }), (keys) => {
      const heap = new MinHeap()
      for (const key of keys) heap.push(key)
      expect(keys.map(() => heap.pop())).toEqual([...keys].sort((a, b) => a - b))
      expect(heap.size).toBe(0)
    }),
    { seed: 1 },
  )
})

test('keeps its order when pushes and pops alternate', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(50)), { maxLength: 300 }), (steps) => {
      const heap = new MinHeap()
      const held: number[] = []
      for (const key of steps) {
        if (key !== null) {
          heap.push(key)
          held.push(key)
        } else if (held.length > 0) {
          held.sort((a, b) => b - a)
          expect(heap.pop()).toBe(held.pop())
        }
      }
    }),
    { seed: 2 },
  )
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, type Setting } from './allocate.ts'

const setting = (bytes: number, loss: number): Setting => ({ planes: 2, groupSize: 32, bytes, loss })

describe('allocate', () => {
  it('spends bytes where each takes the most loss away', () => {
    const chosen = allocate(
      new Map([
        ['dull', [setting(10, 5), setting(20, 4)]],
        ['sharp', [setting(10, 50), setting(20, 10), setting(30, 2)]],
      ]),
      40,
    )
    expect(chosen!.get('dull')!.bytes).toBe(10)
    expect(chosen!.get('sharp')!.bytes).toBe(30)
  })

  it('passes over a setting that pays only halfway to a better one, and one that loses more for more bytes', () => {
    const settings = [setting(10, 100), setting(20, 99), setting(25, 100), setting(30, 10)]
    expect(allocate(new Map([['a', settings]]), 30)!.get('a')!.bytes).toBe(30)
    expect(allocate(new Map([['a', settings]]), 25)!.get('a')!.bytes).toBe(10)
  })

  it('has nothing for a budget below the least', () => {
    expect(allocate(new Map([['a', [setting(10, 1)]]]), 9)).toBeNull()
  })

  it('stays within the budget, and loses no more than the best choice and a largest step', () => {
    const setting1 = fc.record({ bytes: fc.integer({ min: 1, max: 50 }), loss: fc.integer({ min: 0, max: 999 }) })
    const tensors = fc.array(fc.array(setting1, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
    const property = fc.property(tensors, fc.integer({ min: 1, max: 200 }), (lists, budget) => {
      const matrices = new Map(lists.map((list, i) => [`${i}`, list.map(({ bytes, loss }) => setting(bytes, loss))]))
      const within = combinations([...matrices.values()]).filter((choice) => sum(choice, 'bytes') <= budget)
      const chosen = allocate(matrices, budget)
      expect(chosen === null).toBe(within.length === 0)
      if (chosen === null) return
      const choice = [...chosen.values()]
      expect(sum(choice, 'bytes')).toBeLessThanOrEqual(budget)
      const largestStep = Math.max(...lists.flat().map(({ loss }) => loss))
      expect(sum(choice, 'loss')).toBeLessThanOrEqual(Math.min(...within.map((c) => sum(c, 'loss'))) + largestStep)
    })
    fc.assert(property, { seed: 5, numRuns: 300 })
  })
})

const sum = (choice: readonly Setting[], key: 'bytes' | 'loss') => choice.reduce((total, item) => total + item[key], 0)

function combinations(lists: readonly (readonly Setting[])[]): Setting[][] {
  return lists.reduce<Setting[][]>((all, list) => all.flatMap((head) => list.map((item) => [...head, item])), [[]])
}

import { expect, test } from 'vitest'
import { createRandom } from '../generate/random.ts'
import { arrange } from './choose.ts'

const random = createRandom(1)

test('lower orders come first, whatever their weight', () => {
  const items = [
    { name: 'c', order: 2, weight: 100 },
    { name: 'a', order: 0, weight: 0.1 },
    { name: 'b', order: 1, weight: 1 },
  ]
  for (let i = 0; i < 50; i++) expect(arrange(items, random).map(({ name }) => name)).toEqual(['a', 'b', 'c'])
})

test('among equals the first is chosen by weight', () => {
  const items = [
    { name: 'heavy', order: 0, weight: 3 },
    { name: 'light', order: 0, weight: 1 },
  ]
  const draws = 4000
  const heavy = Array.from({ length: draws }, () => arrange(items, random)[0].name).filter(
    (name) => name === 'heavy',
  ).length
  // Four standard deviations of a binomial of 3/4.
  expect(Math.abs(heavy / draws - 0.75)).toBeLessThan(4 * Math.sqrt((0.75 * 0.25) / draws))
})

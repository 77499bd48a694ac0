import { describe, expect, it } from 'vitest'
import { memorySql } from '../../../test/support/memory-sql.ts'
import { InAll, PerDay, PerMinute } from './allowance.ts'
import { Ledger } from './ledger.ts'

const NOON = Date.UTC(2026, 10, 26, 12)
const HOUR = 3_600_000

describe('so much a minute', () => {
  it('comes back evenly', () => {
    const requests = new PerMinute(60, 'requests')
    for (let taken = 0; taken < 60; taken++) {
      expect(requests.waitMs(NOON)).toBe(0)
      requests.take(1, NOON)
    }
    expect([requests.left(NOON), requests.waitMs(NOON), requests.resetMs(NOON)]).toEqual([0, 1000, 60_000])
    expect(requests.waitMs(NOON + 990)).toBe(10)
    expect([requests.left(NOON + 1000), requests.waitMs(NOON + 1000)]).toEqual([1, 0])
    expect(requests.left(NOON + HOUR)).toBe(60)
  })

  it('is paid off where more was taken', () => {
    const tokens = new PerMinute(1000, 'tokens')
    tokens.take(3000, NOON)
    expect(tokens.left(NOON)).toBe(0)
    expect(tokens.waitMs(NOON)).toBe(120_060)
    expect(tokens.left(NOON + 121_000)).toBe(16)
  })
})

describe('so much a day', () => {
  it('ends at midnight UTC', () => {
    const tokens = new PerDay(100)
    tokens.take(110, NOON)
    expect([tokens.left(NOON), tokens.waitMs(NOON), tokens.waitMs(NOON + 12 * HOUR)]).toEqual([0, 12 * HOUR, 0])
    expect(tokens.left(NOON + 12 * HOUR)).toBe(100)
  })
})

it('so much in all never comes back', () => {
  const tokens = new InAll(5, 'tokens')
  tokens.take(6)
  expect([tokens.left(), tokens.waitMs()]).toEqual([0, Number.POSITIVE_INFINITY])
})

it.each([
  ['a minute', () => new PerMinute(600, 'tokens'), 600 - 601 + 300],
  ['a day', () => new PerDay(1000), 1000 - 601],
  ['in all', () => new InAll(1000, 'tokens'), 1000 - 601],
])('what was taken %s outlasts the memory, and time goes on meanwhile', (_, make, left) => {
  const sql = memorySql()
  const first = make()
  first.take(601, NOON)
  new Ledger(sql).write('one', { [first.unit]: first.spent(NOON) }, NOON)
  const second = make()
  second.restore(new Ledger(sql).read('one')[second.unit]!)
  expect(second.left(NOON + 30_000)).toBe(left)
  expect(make().spent(NOON)).toBeUndefined()
  expect(new Ledger(sql).read('two')).toEqual({})
})

it('forgets who took nothing for a day', () => {
  const sql = memorySql()
  const ledger = new Ledger(sql)
  ledger.write('one', {}, NOON)
  ledger.write('two', {}, NOON + 2 * HOUR)
  ledger.write('three', {}, NOON + 25 * HOUR)
  expect(sql.exec('SELECT id FROM accounts ORDER BY id').toArray()).toEqual([{ id: 'three' }, { id: 'two' }])
})

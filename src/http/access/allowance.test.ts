import { describe, expect, it } from 'vitest'
import { memorySql } from '../../../test/support/memory-sql.ts'
import { InAll, PerDay, PerMinute } from './allowance.ts'
import { SqlDayStore } from './day-store.ts'

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
  it('ends at midnight UTC, and outlasts the memory', () => {
    const sql = memorySql()
    const tokens = () => new PerDay(100, 'key one', new SqlDayStore(sql))
    const first = tokens()
    first.take(60, NOON)
    first.save()
    const second = tokens()
    expect(second.left(NOON)).toBe(40)
    second.take(50, NOON)
    second.save()
    const third = tokens()
    expect([third.left(NOON), third.waitMs(NOON), third.waitMs(NOON + 12 * HOUR)]).toEqual([0, 12 * HOUR, 0])
    expect(third.left(NOON + 12 * HOUR)).toBe(100)
    expect(new PerDay(100, 'key two', new SqlDayStore(sql)).left(NOON)).toBe(100)
    // A day's rows go with the first of another day.
    third.take(1, NOON + 12 * HOUR)
    third.save()
    expect(sql.exec('SELECT tokens FROM spent').toArray()).toEqual([{ tokens: 1 }])
  })
})

it('so much in all never comes back', () => {
  const tokens = new InAll(5, 'tokens')
  tokens.take(6)
  expect([tokens.left(), tokens.waitMs()]).toEqual([0, Number.POSITIVE_INFINITY])
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memorySql } from '../../../test/support/memory-sql.ts'
import type { ResponseId } from './ids.ts'
import type { LoggedEvent } from './log.ts'
import type { ResponseHead } from './objects.ts'
import { KEPT_MS, ResponseStore } from './store.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => vi.useRealTimers())

const LOG: LoggedEvent[] = [{ type: 'content', text: 'Hi' }]

/** Names of responses, from `a` on. */
function storeWith(names: string, limits = { responses: 100, bytes: 1e9 }) {
  const sql = memorySql()
  const wake = vi.fn()
  const store = new ResponseStore(sql, wake, limits)
  const add = (name: string, previous: string | null = null, text = '') => {
    store.add({ head: headOf(name, previous), input: [{ type: 'message', role: 'user', content: text }] })
    store.end(idOf(name), LOG)
  }
  for (const name of names) {
    add(name)
    vi.advanceTimersByTime(1)
  }
  const left = () => [...names].filter((name) => store.has(idOf(name))).join('')
  const pieces = () => sql.exec<{ count: number }>('SELECT COUNT(*) AS count FROM pieces').toArray()[0].count
  return { store, sql, add, left, pieces, wake }
}

const idOf = (name: string): ResponseId => `resp_${name}`
const headOf = (name: string, previous: string | null) =>
  ({ id: idOf(name), previous_response_id: previous && idOf(previous) }) as ResponseHead

describe('responses', () => {
  test('are kept as they are, while they go on and after', () => {
    const { store } = storeWith('')
    const begun = {
      head: headOf('a', null),
      input: [{ type: 'message' as const, role: 'user' as const, content: '𝄞' }],
    }
    store.add(begun)
    expect(store.get('resp_a')).toEqual({ ...begun, log: undefined })
    store.end('resp_a', LOG)
    expect(store.get('resp_a')).toEqual({ ...begun, log: LOG })
  })

  test('may be larger than a row of SQLite', () => {
    const { store, add } = storeWith('')
    // Three bytes each, so that pieces end within characters.
    const text = '€'.repeat(1_500_000)
    add('a', null, text)
    expect(store.get('resp_a')!.input).toEqual([{ type: 'message', role: 'user', content: text }])
  })

  test('are in the database, not in the memory of the store', () => {
    const { sql } = storeWith('a')
    expect(new ResponseStore(sql, () => {}).get('resp_a')).toMatchObject({ log: LOG })
  })

  test('that were deleted leave nothing, and an end that comes later nothing either', () => {
    const { store, pieces } = storeWith('a')
    expect([store.delete('resp_a'), store.delete('resp_a')]).toEqual([true, false])
    store.end('resp_a', LOG)
    expect([store.get('resp_a'), pieces()]).toEqual([undefined, 0])
  })
})

describe('bounds', () => {
  test('of time: what was not used is gone, and from the database too when the store is woken', () => {
    const { store, add, pieces, wake } = storeWith('a')
    const end = Date.now() - 1 + KEPT_MS
    expect(wake.mock.calls).toEqual([[end]])
    vi.setSystemTime(end - 1)
    expect(store.has('resp_a')).toBe(true)
    vi.setSystemTime(end)
    expect([store.has('resp_a'), store.get('resp_a'), store.conversation('resp_a')]).toEqual([
      false,
      undefined,
      undefined,
    ])
    store.sweep()
    expect(pieces()).toBe(0)
    add('b')
    expect(wake).toHaveBeenLastCalledWith(end + KEPT_MS)
  })

  test('of time begin anew for what is used: the store is woken again', () => {
    const { store, wake, left } = storeWith('ab')
    const end = Date.now() - 2 + KEPT_MS
    vi.advanceTimersByTime(1000)
    store.conversation('resp_a')
    vi.setSystemTime(end)
    store.sweep()
    expect(left()).toBe('ab')
    expect(wake).toHaveBeenLastCalledWith(end + 1)
    vi.setSystemTime(end + 1)
    store.sweep()
    expect(left()).toBe('a')
    expect(wake).toHaveBeenLastCalledWith(end + 1002)
  })

  test('of number: the oldest go', () => {
    expect(storeWith('abcdef', { responses: 4, bytes: 1e9 }).left()).toBe('cdef')
  })

  test('of bytes: the oldest go', () => {
    const { store, left, add } = storeWith('abcdef')
    const { bytes } = store.conversation('resp_a')!
    const bounded = storeWith('abcdef', { responses: 100, bytes: 3 * bytes })
    expect([left(), bounded.left()]).toEqual(['abcdef', 'def'])
    add('g', null, 'x'.repeat(1000))
    expect(store.conversation('resp_g')!.bytes).toBe(bytes + 1000)
  })
})

describe('a conversation', () => {
  test('is told from its first response on, and all of it is used by that', () => {
    const { store, add, left } = storeWith('xyz')
    add('b', 'y')
    add('c', 'b')
    add('d', 'b')
    expect(store.conversation('resp_c')!.ids).toEqual(['resp_y', 'resp_b', 'resp_c'])
    vi.advanceTimersByTime(KEPT_MS - 1000)
    store.conversation('resp_d')
    vi.advanceTimersByTime(2000)
    expect(left()).toBe('y')
    expect(store.conversation('resp_d')!.ids).toEqual(['resp_y', 'resp_b', 'resp_d'])
  })

  test('with a response that is gone is none', () => {
    const { store, add } = storeWith('a')
    add('b', 'a')
    store.delete('resp_a')
    expect(store.conversation('resp_b')).toBeUndefined()
  })
})

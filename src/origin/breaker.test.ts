import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type BreakerChange, loadCockatiel, OriginBreaker } from './breaker.ts'
import { OriginError, type OriginErrorCode } from './errors.ts'

const OPEN_MS = 15_000

let changes: BreakerChange[]
let breaker: OriginBreaker
beforeEach(async () => {
  const cockatiel = await loadCockatiel()
  vi.useFakeTimers()
  changes = []
  breaker = new OriginBreaker(cockatiel, 'gpu', (change) => changes.push(change))
})
afterEach(() => {
  vi.useRealTimers()
})

const error = (code: OriginErrorCode = 'stream_cut') => new OriginError('gpu', code, 'broke.')
const settle = () => vi.advanceTimersByTimeAsync(0)

async function fail(times: number, code?: OriginErrorCode): Promise<void> {
  for (let i = 0; i < times; i++) {
    breaker.begin().failed(error(code))
    await settle()
  }
}

async function open(): Promise<void> {
  await fail(3)
  expect(breaker.state).toBe('open')
}

test('opens after three failures, of which it tells the last', async () => {
  await fail(2)
  expect([breaker.state, breaker.allows]).toEqual(['closed', true])
  await fail(1, 'idle_timeout')
  expect([breaker.state, breaker.allows, breaker.lastFailure]).toEqual(['open', false, 'idle_timeout'])
  expect(changes).toEqual([{ from: 'closed', to: 'open', cause: 'idle_timeout' }])
  expect(() => breaker.begin()).toThrow(expect.objectContaining({ code: 'circuit_open' }))
})

test('a failure in mid-stream counts as one at the start', async () => {
  for (let i = 0; i < 3; i++) {
    const attempt = breaker.begin()
    attempt.delivers()
    await vi.advanceTimersByTimeAsync(1000)
    attempt.failed(error())
    await settle()
  }
  expect(breaker.state).toBe('open')
})

test('successes keep it closed', async () => {
  for (let i = 0; i < 10; i++) {
    breaker.begin().succeeded()
    breaker.begin().succeeded()
    breaker.begin().failed(error())
    await settle()
  }
  expect(breaker.state).toBe('closed')
})

test('clients that leave say nothing, and what a failed attempt says later is not heard', async () => {
  for (let i = 0; i < 10; i++) {
    const attempt = breaker.begin()
    attempt.cancelled()
    attempt.failed(error())
    await settle()
  }
  expect(breaker.state).toBe('closed')
  await fail(2)
  for (let i = 0; i < 10; i++) breaker.begin().cancelled()
  await fail(1)
  expect(breaker.state).toBe('open')
})

test.each<OriginErrorCode>(['bad_request', 'context_exceeded', 'rate_limited', 'unsupported'])(
  '%s is not the fault of the origin',
  async (code) => {
    await fail(10, code)
    expect(breaker.state).toBe('closed')
  },
)

describe('open', () => {
  beforeEach(open)

  test('lets one attempt through after a pause, whose first token closes it', async () => {
    await vi.advanceTimersByTimeAsync(OPEN_MS - 1)
    expect(breaker.allows).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(breaker.allows).toBe(true)
    const probe = breaker.begin()
    expect([breaker.state, breaker.allows]).toEqual(['half-open', false])
    expect(() => breaker.begin()).toThrow(OriginError)
    probe.delivers()
    await settle()
    expect([breaker.state, breaker.allows]).toEqual(['closed', true])
    expect(changes.map(({ to }) => to)).toEqual(['open', 'half-open', 'closed'])
  })

  test('a probe that fails opens it again', async () => {
    await vi.advanceTimersByTimeAsync(OPEN_MS)
    await fail(1, 'unreachable')
    expect([breaker.state, breaker.allows, breaker.lastFailure]).toEqual(['open', false, 'unreachable'])
    await vi.advanceTimersByTimeAsync(OPEN_MS)
    expect(breaker.allows).toBe(true)
  })

  test('a probe whose client leaves proves nothing', async () => {
    await vi.advanceTimersByTimeAsync(OPEN_MS)
    breaker.begin().cancelled()
    await settle()
    expect(breaker.state).toBe('open')
  })

  test('failures after the first token of a probe count like any other', async () => {
    await vi.advanceTimersByTimeAsync(OPEN_MS)
    const probe = breaker.begin()
    probe.delivers()
    await settle()
    probe.failed(error())
    await settle()
    expect(breaker.state).toBe('closed')
    // With the success that closed it these are three attempts.
    await fail(1)
    expect(breaker.state).toBe('open')
  })
})

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { OriginError } from './errors.ts'
import { RequestTimers } from './timers.ts'

const LIMITS = { connectMs: 10, firstTokenMs: 100, idleMs: 30, totalMs: 1000 }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const timersOf = (outer = new AbortController().signal) => new RequestTimers('gpu', LIMITS, outer)

function codeOf({ signal }: RequestTimers): string | undefined {
  return signal.aborted ? (signal.reason as OriginError).code : undefined
}

test('no response in time', () => {
  const timers = timersOf()
  timers.connecting(false)
  vi.advanceTimersByTime(9)
  expect(codeOf(timers)).toBeUndefined()
  vi.advanceTimersByTime(1)
  expect(codeOf(timers)).toBe('connect_timeout')
  expect(timers.signal.reason).toBeInstanceOf(OriginError)
})

test('a response that begins with its first token has that much time', () => {
  const timers = timersOf()
  timers.connecting(true)
  vi.advanceTimersByTime(99)
  expect(codeOf(timers)).toBeUndefined()
  vi.advanceTimersByTime(1)
  expect(codeOf(timers)).toBe('first_token_timeout')
})

test('no first token in time, counted from the request', () => {
  const timers = timersOf()
  timers.connecting(false)
  vi.advanceTimersByTime(9)
  timers.arrived('response')
  timers.waiting()
  vi.advanceTimersByTime(90)
  expect(codeOf(timers)).toBeUndefined()
  vi.advanceTimersByTime(1)
  expect(codeOf(timers)).toBe('first_token_timeout')
})

test('a stall', () => {
  const timers = timersOf()
  for (let token = 0; token < 20; token++) {
    timers.waiting()
    vi.advanceTimersByTime(29)
    timers.arrived('token')
  }
  timers.waiting()
  vi.advanceTimersByTime(29)
  expect(codeOf(timers)).toBeUndefined()
  vi.advanceTimersByTime(1)
  expect(codeOf(timers)).toBe('idle_timeout')
})

test('bytes that are no token do not count', () => {
  const timers = timersOf()
  timers.waiting()
  timers.arrived('token')
  timers.waiting()
  vi.advanceTimersByTime(20)
  // After each read, as of a comment.
  timers.waiting()
  expect(codeOf(timers)).toBeUndefined()
  vi.advanceTimersByTime(10)
  expect(codeOf(timers)).toBe('idle_timeout')
})

test('a reader that takes its time is no stall', () => {
  const timers = timersOf()
  timers.waiting()
  timers.arrived('token')
  vi.advanceTimersByTime(500)
  expect(codeOf(timers)).toBeUndefined()
})

test('the total runs whatever happens', () => {
  const timers = timersOf()
  for (let token = 0; token < 100; token++) {
    timers.waiting()
    vi.advanceTimersByTime(10)
    timers.arrived('token')
  }
  expect(codeOf(timers)).toBe('total_timeout')
})

test('the outer signal keeps its reason, before and after', () => {
  const outer = new AbortController()
  const timers = timersOf(outer.signal)
  outer.abort('gone')
  expect(timers.signal.reason).toBe('gone')
  expect(timersOf(outer.signal).signal.reason).toBe('gone')
})

test('closing ends the request and leaves no timer', () => {
  const timers = timersOf()
  timers.connecting(false)
  timers.close()
  expect(timers.signal.aborted).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
})

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { refusal, retryAfter } from './refusal.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 12) })
})
afterEach(() => {
  vi.useRealTimers()
})

test.each([
  [null, undefined],
  ['0', 0],
  ['3', 3000],
  [' 3 ', 3000],
  ['2.5', 2500],
  ['.5', 500],
  ['Thu, 01 Jan 2026 12:00:07 GMT', 7000],
  ['Thursday, 01-Jan-26 12:00:07 GMT', 7000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ['Thu, 01 Jan 2099 12:00:00 GMT', 300_000],
  ['99999999999999999999', 300_000],
  ['-5', undefined],
  ['2.5.1', undefined],
  ['1e9', undefined],
  ['soon', undefined],
  ['', undefined],
])('Retry-After: %s is %s ms', (header, ms) => {
  expect(retryAfter(header)).toBe(ms)
})

test.each([
  ['{"error":{"message":"no such adapter"}}', 'no such adapter'],
  ['{"error":"no such adapter"}', 'no such adapter'],
  ['{"message":"no such adapter"}', 'no such adapter'],
  ['{"detail":"no such adapter"}', 'no such adapter'],
  // The prompt that FastAPI repeats is left out.
  [
    '{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":"my secret prompt"}]}',
    'body.stream_options: Extra inputs are not permitted',
  ],
  ['<!doctype html><TITLE lang=en> 400 Bad Request </TITLE><p>more', '400 Bad Request'],
  ['<p>more', 'an HTML page'],
  ['no such adapter', 'no such adapter'],
])('of %s it tells the words', async (body, words) => {
  const { code, what } = await refusal('/x', new Response(body, { status: 400 }), new AbortController().signal)
  expect([code, what]).toEqual(['bad_request', `/x answers 400: ${words}.`])
})

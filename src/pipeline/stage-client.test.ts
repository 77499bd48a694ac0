import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CALL_LIMIT_MS, StageClient } from './stage-client.ts'
import type { Outcome, StageMethods } from './stage-protocol.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const client = (methods: Partial<StageMethods>) => new StageClient(methods as StageMethods, 'stage 7')
const fails = (failure: unknown) => client({ load: () => Promise.reject(failure) })

it('gives up a call that never ends', async () => {
  const hangs = client({ forward: () => new Promise<never>(() => {}) })
  const refused = expect(hangs.forward('a', 0, new Float32Array(4), 'all')).rejects.toMatchObject({
    code: 'stage_timeout',
    message: `stage 7 gave no answer in ${CALL_LIMIT_MS / 1000} s`,
  })
  await vi.advanceTimersByTimeAsync(CALL_LIMIT_MS - 1)
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  await refused
  expect(vi.getTimerCount()).toBe(0)
})

it('takes no notice of what comes of a call that it gave up', async () => {
  let fail: (error: Error) => void = () => {}
  const late = client({ load: () => new Promise<never>((_, reject) => (fail = reject)) })
  const refused = expect(late.load()).rejects.toMatchObject({ code: 'stage_timeout' })
  await vi.advanceTimersByTimeAsync(CALL_LIMIT_MS)
  await refused
  fail(new Error('Network connection lost.'))
  // A rejection that nobody handles would fail the run.
  await vi.advanceTimersByTimeAsync(0)
})

it('leaves no timer behind', async () => {
  await client({ load: async () => ({ value: undefined }) }).load()
  await expect(fails(new TypeError('refused')).load()).rejects.toThrow('TypeError: refused')
  expect(vi.getTimerCount()).toBe(0)
})

it('tells the errors of a stage from those of what is between', async () => {
  const failure = { code: 'shard_missing', message: 'no x.bin' }
  const own = client({ load: async (): Promise<Outcome<void>> => ({ failure }) })
  await expect(own.load()).rejects.toMatchObject({ code: 'shard_missing', message: 'stage 7: no x.bin' })
  for (const between of [new Error('Network connection lost.'), new TypeError('no such method'), 'reset', undefined]) {
    await expect(fails(between).load()).rejects.toMatchObject({
      code: 'stage_unreachable',
      message: `stage 7 does not answer: ${between}`,
    })
  }
})

it('calls what cannot be called an unreachable stage', async () => {
  const none = client({
    release() {
      throw new TypeError('The RPC receiver does not implement the method "release".')
    },
  })
  await expect(none.release('a')).rejects.toMatchObject({ code: 'stage_unreachable' })
})

it('sends only its own part of a larger memory', async () => {
  const memory = Float32Array.from({ length: 12 }, (_, i) => i)
  const sent: Float32Array[] = []
  const stage = client({
    forward: async (_session, _position, hidden) => {
      sent.push(hidden)
      return { value: hidden }
    },
  })
  const whole = Float32Array.of(1, NaN)
  await stage.forward('a', 0, memory.subarray(4, 8), 'all')
  await stage.forward('a', 0, whole, 'all')
  expect(sent[0]).toEqual(Float32Array.of(4, 5, 6, 7))
  expect(sent[0].buffer.byteLength).toBe(16)
  expect(sent[1]).toBe(whole)
})

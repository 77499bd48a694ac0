import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { LEASE_MS } from './layers-stage.ts'
import { PipelineError } from './pipeline-error.ts'
import { PAUSES_MS, recover } from './recover.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const failure = (code: string) => new PipelineError(code, code)

it.for(['session_lost', 'stage_unreachable', 'no_kv_cache'])('repeats what fails with %s', async (code) => {
  const run = vi.fn(async (attempt: number) => {
    if (attempt < 3) throw failure(code)
    return 'done'
  })
  const result = recover(run)
  await vi.advanceTimersByTimeAsync(PAUSES_MS[0] + PAUSES_MS[1])
  expect(run).toHaveBeenCalledTimes(3)
  await vi.advanceTimersByTimeAsync(PAUSES_MS[2])
  expect(await result).toBe('done')
  expect(run.mock.calls).toEqual([[0], [1], [2], [3]])
})

it('gives up in the end, after more than a lease', async () => {
  let attempts = 0
  const result = recover(async () => {
    attempts++
    throw failure('stage_unreachable')
  })
  const refused = expect(result).rejects.toMatchObject({ code: 'stage_unreachable' })
  await vi.advanceTimersByTimeAsync(LEASE_MS)
  expect(attempts).toBe(PAUSES_MS.length)
  await vi.runAllTimersAsync()
  await refused
  expect(attempts).toBe(PAUSES_MS.length + 1)
})

it.for([failure('shard_corrupt'), failure('stage_failed'), failure('stage_timeout'), new RangeError('bug')])(
  'does not repeat %s',
  async (error) => {
    const run = vi.fn().mockRejectedValue(error)
    await expect(recover(run)).rejects.toBe(error)
    expect(run).toHaveBeenCalledTimes(1)
  },
)

it('does not repeat what nobody waits for', async () => {
  const abort = new AbortController()
  const run = vi.fn(async () => {
    abort.abort()
    throw failure('session_lost')
  })
  await expect(recover(run, abort.signal)).rejects.toMatchObject({ code: 'session_lost' })
  expect(run).toHaveBeenCalledTimes(1)
})

it('does not wait to the end of a pause when nobody waits any more', async () => {
  const abort = new AbortController()
  const run = vi.fn().mockRejectedValue(failure('stage_unreachable'))
  const result = recover(run, abort.signal)
  const refused = expect(result).rejects.toMatchObject({ code: 'stage_unreachable' })
  const pauses = PAUSES_MS.slice(0, 5).reduce((sum, ms) => sum + ms, 0)
  await vi.advanceTimersByTimeAsync(pauses + 1)
  abort.abort()
  await refused
  expect(run).toHaveBeenCalledTimes(6)
  expect(vi.getTimerCount()).toBe(0)
})

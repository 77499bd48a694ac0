import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CALL_LIMIT_MS, StageClient } from './stage-client.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const client = (fetch: (url: string, init: RequestInit) => Promise<Response>) =>
  new StageClient({ fetch: (url, init) => fetch(url as string, init!) }, 'stage 7')

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe('a call that never ends', () => {
  const hangs = {
    'before the response': client((_, { signal }) => untilAborted(signal!)),
    'inside its body': client(async (_, { signal }) => {
      const pull = () => untilAborted(signal!)
      return new Response(new ReadableStream({ pull }))
    }),
  }
  it.for(Object.entries(hangs))('%s is given up', async ([, stage]) => {
    const result = stage.forward('a', 0, new Float32Array(4), false)
    const refused = expect(result).rejects.toMatchObject({
      code: 'stage_timeout',
      message: `stage 7 gave no answer in ${CALL_LIMIT_MS / 1000} s`,
    })
    await vi.advanceTimersByTimeAsync(CALL_LIMIT_MS)
    await refused
    expect(vi.getTimerCount()).toBe(0)
  })
})

it('leaves no timer behind', async () => {
  await client(async () => new Response('{}')).load()
  await expect(client(() => Promise.reject(new TypeError('refused'))).load()).rejects.toThrow('TypeError: refused')
  expect(vi.getTimerCount()).toBe(0)
})

it('tells the errors of a stage from those of what is between', async () => {
  const own = client(async () => Response.json({ code: 'shard_missing', message: 'no x.bin' }, { status: 503 }))
  await expect(own.load()).rejects.toMatchObject({ code: 'shard_missing', message: 'stage 7: no x.bin' })
  for (const body of ['Internal Server Error', '{}', '']) {
    const between = client(async () => new Response(body, { status: 500 }))
    await expect(between.release('a')).rejects.toMatchObject({ code: 'stage_unreachable' })
  }
})

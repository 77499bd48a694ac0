import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CHUNKS } from './chat-completions.ts'
import { KEPT_MS, Recording } from './recording.ts'
import { Recordings } from './recordings.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => vi.useRealTimers())

const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Objects that come when they are pushed. */
function source() {
  const queue: unknown[] = []
  let notify = () => {}
  let ended = false
  async function* objects() {
    for (;;) {
      while (queue.length > 0) yield queue.shift()
      if (ended) return
      await new Promise<void>((resolve) => {
        notify = resolve
      })
    }
  }
  return {
    objects: objects(),
    push(...values: unknown[]) {
      queue.push(...values)
      notify()
    },
    end() {
      ended = true
      notify()
    },
  }
}

function recordingOf({ resumable = false, background = false, maxCharacters = 1e6 } = {}) {
  const cancel = vi.fn()
  const settings = { resumable, background, maxCharacters: () => maxCharacters, dialect: CHUNKS }
  const recording = new Recording('c', { cancel, answerNow: () => false }, settings)
  return { recording, cancel }
}

async function read(recording: Recording, position = 0) {
  const events: [string | undefined, string][] = []
  for await (const { id, data } of recording.events(position)) events.push([id, data])
  return events
}

describe('the events', () => {
  test('have ids, and are read from any position on, while they come and after', async () => {
    const { recording } = recordingOf()
    const { objects, push, end } = source()
    const recorded = recording.record(objects)
    push(1, 2)
    await settle()
    const readers = [0, 1, 2].map((position) => read(recording, position))
    push(3)
    await settle()
    end()
    await recorded
    const all = ['1', '2', '3', '[DONE]'].map((data, index) => [`c:${index}`, data])
    expect(await Promise.all(readers)).toEqual([all, all.slice(1), all.slice(2)])
    for (let position = 0; position <= 4; position++)
      expect(await read(recording, position)).toEqual(all.slice(position))
    expect(() => recording.check(5)).toThrow(expect.objectContaining({ status: 400, code: 'invalid_event_id' }))
  })

  test('that are too many are forgotten from the start, never skipped', async () => {
    const { recording } = recordingOf({ maxCharacters: 10 })
    const { objects, push, end } = source()
    const recorded = recording.record(objects)
    const live = read(recording)
    for (let value = 1000; value < 1010; value++) {
      push(value)
      await settle()
    }
    end()
    await recorded
    // Who reads along gets everything; of ten characters the last two events are left.
    expect((await live).map(([, data]) => data)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `${1000 + i}`),
      '[DONE]',
    ])
    expect((await read(recording, 9)).map(([, data]) => data)).toEqual(['1009', '[DONE]'])
    await expect(read(recording, 8)).rejects.toMatchObject({ status: 410, code: 'events_gone' })
  })
})

describe('a completion without a reader', () => {
  test('is stopped at once, or after a while where it is resumable', async () => {
    const { recording, cancel } = recordingOf()
    const leave = [recording.join(), recording.join()]
    leave[0]()
    leave[0]()
    expect(cancel).not.toHaveBeenCalled()
    leave[1]()
    expect(cancel).toHaveBeenCalledWith(expect.objectContaining({ code: 'client_closed_request' }))

    const resumable = recordingOf({ resumable: true })
    resumable.recording.join()()
    vi.advanceTimersByTime(KEPT_MS - 1)
    resumable.recording.join()()
    vi.advanceTimersByTime(KEPT_MS - 1)
    expect(resumable.cancel).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(resumable.cancel).toHaveBeenCalledOnce()
  })

  test('in the background goes on to its end', () => {
    const { recording, cancel } = recordingOf({ resumable: true, background: true })
    recording.join()()
    vi.advanceTimersByTime(10 * KEPT_MS)
    expect(cancel).not.toHaveBeenCalled()
  })

  test('that has ended is not stopped', async () => {
    const { recording, cancel } = recordingOf()
    const leave = recording.join()
    async function* nothing() {}
    await recording.record(nothing())
    leave()
    expect([recording.cancel(new Error() as never), cancel.mock.calls]).toEqual([false, []])
  })
})

describe('recordings', () => {
  const start = (recordings: Recordings, id: string, objects: AsyncIterable<unknown>) =>
    recordings.start(
      id,
      objects,
      { cancel: () => {}, answerNow: () => false },
      { client: 'a', resumable: true, dialect: CHUNKS },
    )

  test('are kept for a minute after their end', async () => {
    const recordings = new Recordings()
    const { objects, push, end } = source()
    const recording = start(recordings, 'a', objects)
    vi.advanceTimersByTime(10 * KEPT_MS)
    push(1)
    end()
    await settle()
    vi.advanceTimersByTime(KEPT_MS - 1)
    expect(recordings.get('a')).toBe(recording)
    vi.advanceTimersByTime(1)
    expect(() => recordings.get('a')).toThrow(expect.objectContaining({ status: 404, code: 'completion_not_found' }))
  })

  test('share the memory', async () => {
    const recordings = new Recordings()
    const event = 'x'.repeat(1024 * 1024)
    async function* many() {
      for (let i = 0; i < 6; i++) yield event
    }
    const first = start(recordings, 'a', many())
    await settle()
    expect((await read(first)).length).toBe(7)
    const second = start(recordings, 'b', many())
    await settle()
    for (const recording of [first, second]) {
      expect(() => recording.check(2)).toThrow(expect.objectContaining({ code: 'events_gone' }))
      expect((await read(recording, 4)).length).toBe(3)
    }
  })
})

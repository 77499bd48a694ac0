import { describe, expect, test } from 'vitest'
import { GenerationQueue, MAX_WAITING, QueueFullError } from './queue.ts'

const never = new AbortController().signal

/** Lets every promise that can be settled settle. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('GenerationQueue', () => {
  test('serves one at a time, in order', async () => {
    const queue = new GenerationQueue()
    const served: number[] = []
    const releases = [0, 1, 2].map(async (index) => {
      const release = await queue.acquire(never)
      served.push(index)
      return release
    })
    await settle()
    expect(served).toEqual([0])
    ;(await releases[0])()
    await settle()
    expect(served).toEqual([0, 1])
    ;(await releases[1])()
    await settle()
    expect(served).toEqual([0, 1, 2])
  })

  test('a newcomer does not overtake the one whose turn has come', async () => {
    const queue = new GenerationQueue()
    const served: string[] = []
    const first = await queue.acquire(never)
    const waiting = queue.acquire(never).then(() => served.push('waiting'))
    first()
    const newcomer = queue.acquire(never).then(() => served.push('newcomer'))
    await Promise.race([waiting, newcomer])
    await settle()
    expect(served).toEqual(['waiting'])
  })

  test('an answer that has begun comes back first, however many wait', async () => {
    const queue = new GenerationQueue(1, 1)
    expect(queue.ahead).toBe(0)
    const release = await queue.acquire(never)
    expect(queue.ahead).toBe(1)
    const served: string[] = []
    const newcomer = queue.acquire(never).then(() => served.push('newcomer'))
    expect(queue.ahead).toBe(2)
    await expect(queue.acquire(never)).rejects.toThrow(QueueFullError)
    const begun = queue.rejoin(never).then((next) => {
      served.push('begun')
      next()
    })
    release()
    await Promise.all([begun, newcomer])
    expect(served).toEqual(['begun', 'newcomer'])
  })

  test('releasing twice does not let two in', async () => {
    const queue = new GenerationQueue()
    const first = await queue.acquire(never)
    const second = queue.acquire(never)
    let third = false
    void queue.acquire(never).then(() => {
      third = true
    })
    first()
    first()
    await second
    await settle()
    expect(third).toBe(false)
  })

  test('who leaves while waiting frees the place and is skipped', async () => {
    const queue = new GenerationQueue()
    const release = await queue.acquire(never)
    const leaver = new AbortController()
    const left = queue.acquire(leaver.signal)
    const next = queue.acquire(never)
    expect(queue.waiting).toBe(2)
    leaver.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    expect(queue.waiting).toBe(1)
    release()
    await next
  })

  test('who is gone already does not take a turn', async () => {
    const queue = new GenerationQueue()
    await expect(queue.acquire(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
    await queue.acquire(never)
  })

  test('refuses the caller after the last waiting place, and only then', async () => {
    const queue = new GenerationQueue()
    const release = await queue.acquire(never)
    const waiting = Array.from({ length: MAX_WAITING }, () => queue.acquire(never))
    await expect(queue.acquire(never)).rejects.toThrow(QueueFullError)
    release()
    await waiting[0]
    const late = queue.acquire(never)
    expect(queue.waiting).toBe(MAX_WAITING)
    await expect(Promise.race([late, settle()])).resolves.toBeUndefined()
  })
})

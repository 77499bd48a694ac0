import { describe, expect, test, vi } from 'vitest'
import { allEvents, fakeApp, HELLO, post } from '../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../test/support/fake-model.ts'
import { MAX_WAITING } from '../generate/queue.ts'
import { createApp } from './app.ts'
import { COMMENT, HEARTBEAT_MS } from './sse.ts'

const STREAM = { ...HELLO, stream: true }

/** A model that takes one step each time it is told to. */
function steppedModel() {
  const model = new FakeModel('abcdefghijklmnopqrstuvwxyz')
  let waiting = () => {}
  let reached = () => {}
  let atStep = new Promise<void>((resolve) => {
    reached = resolve
  })
  model.beforeDecode = () => {
    reached()
    return new Promise((resolve) => {
      waiting = resolve
    })
  }
  return {
    model,
    /** Resolves when the model is about to decode a token. */
    atStep: () => atStep,
    step() {
      atStep = new Promise((resolve) => {
        reached = resolve
      })
      waiting()
    },
  }
}

/** Lets everything that can go on go on; the stepped model stands still meanwhile. */
async function settle() {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('a client that goes away', () => {
  test('while it streams stops the model within a token', async () => {
    const { model, atStep, step } = steppedModel()
    const response = await post(fakeApp(fakeChat(model)), STREAM)
    const reader = response.body!.getReader()
    for (let token = 0; token < 3; token++) {
      await atStep()
      step()
    }
    await atStep()
    expect(model.decoded).toBe(3)
    await reader.cancel()
    step()
    await settle()
    expect(model.decoded).toBeLessThanOrEqual(4)
    expect(model.released).toBe(1)
  })

  test('is noticed while there is nothing to say yet, since a stream carries comments', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const { model, atStep, step } = steppedModel()
      const reader = (await post(fakeApp(fakeChat(model)), STREAM)).body!.getReader()
      const read = async () => new TextDecoder().decode((await reader.read()).value)
      expect(await read()).toBe(COMMENT)
      expect(await read()).toContain('assistant')
      await atStep()
      expect(await read()).toContain('"content":"a"')
      for (let beat = 0; beat < 2; beat++) {
        vi.advanceTimersByTime(HEARTBEAT_MS)
        expect(await read()).toBe(COMMENT)
      }
      await reader.cancel()
      step()
      await settle()
      expect(model.released).toBe(1)
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  test('by the signal of its request, streaming or not', async () => {
    for (const body of [HELLO, STREAM]) {
      const { model, atStep, step } = steppedModel()
      const abort = new AbortController()
      const response = post(fakeApp(fakeChat(model)), body, { signal: abort.signal })
      await atStep()
      abort.abort()
      step()
      // Nobody is there to read how it ends.
      await response.then((response) => response.text()).catch(() => {})
      expect(model.decoded).toBeLessThanOrEqual(1)
      expect(model.released).toBe(1)
    }
  })

  test('while the model loads is never served', async () => {
    const model = new FakeModel('Hi')
    const abort = new AbortController()
    const load = async () => {
      abort.abort()
      return fakeChat(model)
    }
    const app = createApp({ model: load, health: () => ({}) })
    expect((await post(app, STREAM, { signal: abort.signal })).status).toBe(499)
    expect(model.sequences).toBe(0)
  })

  test('while it waits is never served', async () => {
    const { model, atStep, step } = steppedModel()
    const app = fakeApp(fakeChat(model))
    const first = new AbortController()
    const firstResponse = post(app, HELLO, { signal: first.signal })
    await atStep()
    const second = new AbortController()
    const secondResponse = post(app, HELLO, { signal: second.signal })
    await settle()
    second.abort()
    expect((await secondResponse).status).toBe(499)
    first.abort()
    step()
    await firstResponse
    await settle()
    expect(model.sequences).toBe(1)
  })
})

describe('requests at the same time', () => {
  test('are computed one by one, in order', async () => {
    const model = new FakeModel((prompt) => prompt.split('\n')[1])
    let running = 0
    model.beforeDecode = async () => {
      running++
      await new Promise((resolve) => setImmediate(resolve))
      expect(running).toBe(1)
      running--
    }
    const app = fakeApp(fakeChat(model))
    const finished: string[] = []
    const ask = async (content: string, stream: boolean) => {
      const response = await post(app, { messages: [{ role: 'user', content }], stream })
      if (stream) await allEvents(response)
      else await response.json()
      finished.push(content)
    }
    await Promise.all([ask('first', true), ask('second', false), ask('third', true)])
    expect(finished).toEqual(['first', 'second', 'third'])
  })

  test('beyond the waiting places are refused with 429 before the response begins', async () => {
    const { model, atStep, step } = steppedModel()
    const app = fakeApp(fakeChat(model))
    const clients = new AbortController()
    const served = post(app, STREAM, { signal: clients.signal })
    await atStep()
    const waiting = Array.from({ length: MAX_WAITING }, () => post(app, STREAM, { signal: clients.signal }))
    await settle()
    const refused = await post(app, STREAM)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'queue_full' } })
    clients.abort()
    step()
    await Promise.all([served, ...waiting])
  })

  test('a client that does not read does not keep the others waiting', async () => {
    const app = fakeApp(fakeChat(new FakeModel('x'.repeat(500))))
    const unread = await post(app, STREAM)
    expect((await post(app, HELLO)).status).toBe(200)
    await unread.body!.cancel()
  })
})

import { setTimeout } from 'node:timers/promises'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type App, HELLO, post } from '../support/fake-app.ts'
import { FakeModel } from '../support/fake-model.ts'
import type { FakeOrigin } from './fake-origin.ts'
import { originApp, startScriptedOrigin } from './origin-app.ts'

// Streams that break, on an answer that moves from the edge to an origin.
const ANSWER = `<think>\n${'Hm, grüße, 好的, 😀. '.repeat(3)}\n</think>\n\n${'It is so. '.repeat(3)}`
const ENDLESS = 'It is so. '.repeat(350)
const RESUMABLE = { 'Content-Type': 'application/json', 'x-nanbeige-resumable': '1' }

let origin: FakeOrigin
beforeEach(() => {
  vi.spyOn(console, 'log').mockReturnValue()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await origin.stop()
})

interface Event {
  readonly id: string
  readonly data: string
}

async function start(script: string) {
  origin = await startScriptedOrigin(script)
  const model = new FakeModel(script)
  return { model, app: originApp({ model, origins: [{ url: origin.url }], env: { EDGE_BUDGET_TOKENS: 20 } }) }
}

const stream = (app: App, headers: HeadersInit = RESUMABLE) =>
  post(app, { ...HELLO, stream: true, stream_options: { include_usage: true } }, { headers })

async function* eventsOf(response: Response): AsyncGenerator<Event> {
  const events = response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { id, data } of events) yield { id: id!, data }
}

async function all(response: Response): Promise<Event[]> {
  const events: Event[] = []
  for await (const event of eventsOf(response)) events.push(event)
  return events
}

/** The first events; then the connection is closed. */
async function some(response: Response, count: number): Promise<Event[]> {
  const events: Event[] = []
  for await (const event of eventsOf(response)) {
    events.push(event)
    if (events.length === count) break
  }
  return events
}

async function resume(app: App, last: string | undefined, id = last!.slice(0, last!.lastIndexOf(':'))) {
  const headers: HeadersInit = last === undefined ? {} : { 'Last-Event-ID': last }
  return app.request(`/v1/chat/completions/${id}/events`, { headers })
}

const completionOf = ([{ data }]: Event[]): string => JSON.parse(data).id

describe('a stream', () => {
  test('has an id for every event, of the completion and in order', async () => {
    const { app } = await start(ANSWER)
    const events = await all(await stream(app, { 'Content-Type': 'application/json' }))
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${completionOf(events)}:${index}`))
    expect(events.at(-1)!.data).toBe('[DONE]')
  })

  test('that has ended is read again from every position on, without a gap', async () => {
    const { app } = await start(ANSWER)
    const whole = await all(await stream(app))
    for (const [index, { id }] of whole.entries()) {
      expect(await all(await resume(app, id))).toEqual(whole.slice(index + 1))
    }
    expect(await all(await resume(app, undefined, completionOf(whole)))).toEqual(whole)
  })

  test('that breaks at any event goes on at the next, while it is generated', async () => {
    const { app } = await start(ANSWER)
    const usages: unknown[] = []
    const { length } = await all(await stream(app))
    for (let count = 1; count < length; count += 3) {
      const first = await some(await stream(app), count)
      const events = [...first, ...(await all(await resume(app, first.at(-1)!.id)))]
      expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${completionOf(events)}:${index}`))
      const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data))
      const deltas = chunks.flatMap(({ choices }) => choices.map((choice: { delta: object }) => choice.delta))
      const text = (name: string) => deltas.map((delta) => delta[name] ?? '').join('')
      const spoken = `<think>\n${text('reasoning_content')}\n</think>\n\n${text('content')}`
      expect(spoken).toBe(ANSWER)
      usages.push(chunks.at(-1).usage.completion_tokens)
    }
    expect(new Set(usages).size).toBe(1)
    expect(origin.made).toBeGreaterThan(0)
  })

  test('that breaks twice, and is read by two', async () => {
    const { app } = await start(ANSWER)
    const first = await some(await stream(app), 5)
    const second = await some(await resume(app, first.at(-1)!.id), 7)
    const rests = await Promise.all([1, 2].map(async () => all(await resume(app, second.at(-1)!.id))))
    expect(rests[0]).toEqual(rests[1])
    const events = [...first, ...second, ...rests[0]]
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${completionOf(events)}:${index}`))
    expect(events.at(-1)!.data).toBe('[DONE]')
  })

  test('that is not to be resumed stops with its client, and is forgotten', async () => {
    const { app, model } = await start(ENDLESS)
    const first = await some(await stream(app, { 'Content-Type': 'application/json' }), 5)
    await vi.waitFor(async () => expect((await resume(app, first.at(-1)!.id)).status).toBe(404))
    expect(model.decoded).toBeLessThan(100)
    expect(model.released).toBe(model.sequences)
  })

  test('that nobody reads gives its turn to whoever waits, and goes on afterwards as if nothing had been', async () => {
    const model = new FakeModel(ENDLESS)
    const app = originApp({ model, origins: [] })
    const ask = (headers: HeadersInit) =>
      post(app, { ...HELLO, stream: true, max_tokens: 300, stream_options: { include_usage: true } }, { headers })
    const first = await some(await ask(RESUMABLE), 5)
    const other = await all(await ask({ 'Content-Type': 'application/json' }))
    expect(model.decoded).toBeLessThan(400)
    const events = [...first, ...(await all(await resume(app, first.at(-1)!.id)))]
    const text = (events: Event[]) =>
      events
        .slice(0, -1)
        .map(({ data }) => JSON.parse(data).choices[0]?.delta.content ?? '')
        .join('')
    expect(text(events)).toBe(text(other))
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => `${completionOf(events)}:${index}`))
    expect(model.sequences).toBe(3)
    expect(model.released).toBe(3)
  })

  test('is one of a few that a client may leave behind', async () => {
    const { app } = await start(ENDLESS)
    const left = []
    for (let i = 0; i < 8; i++) left.push(await some(await stream(app), 1))
    const refused = await stream(app)
    expect([refused.status, refused.headers.has('Retry-After'), await refused.json()]).toMatchObject([
      429,
      true,
      { error: { code: 'too_many_resumable_streams' } },
    ])
    await app.request(`/v1/chat/completions/${completionOf(left[0])}/cancel`, { method: 'POST' })
    await vi.waitFor(async () => expect((await stream(app)).status).toBe(200))
  })
})

describe('cancel', () => {
  const cancel = (app: App, id: string) => app.request(`/v1/chat/completions/${id}/cancel`, { method: 'POST' })

  test.each([1, 120])('after %i events ends the stream, and stops edge and origin', async (count) => {
    const { app, model } = await start(ENDLESS)
    const events: Event[] = []
    for await (const event of eventsOf(await stream(app))) {
      events.push(event)
      if (events.length !== count) continue
      expect(await (await cancel(app, completionOf(events))).json()).toEqual({
        id: completionOf(events),
        cancelled: true,
      })
    }
    expect(JSON.parse(events.at(-1)!.data)).toMatchObject({ error: { code: 'cancelled' } })
    expect(await (await cancel(app, completionOf(events))).json()).toMatchObject({ cancelled: false })
    const made = () => [origin.made, model.decoded]
    await vi.waitFor(async () => {
      const before = made()
      await setTimeout(60)
      expect(made()).toEqual(before)
    })
    expect(Math.max(...made())).toBeLessThan(ENDLESS.length)
    expect(model.released).toBe(model.sequences)
  })

  test('stops one that nobody reads', async () => {
    const { app, model } = await start(ENDLESS)
    const events = await some(await stream(app), 3)
    const running = model.decoded
    await vi.waitFor(() => expect(model.decoded + origin.made).toBeGreaterThan(running))
    await cancel(app, completionOf(events))
    await vi.waitFor(() => expect(model.released).toBe(model.sequences))
  })
})

describe('what is not there', () => {
  test.each([
    ['GET', '/v1/chat/completions/chatcmpl-1/events', 404, 'completion_not_found'],
    ['POST', '/v1/chat/completions/chatcmpl-1/cancel', 404, 'completion_not_found'],
    ['POST', '/v1/chat/completions/chatcmpl-1/events', 405, 'method_not_allowed'],
    ['GET', '/v1/chat/completions/chatcmpl-1/cancel', 405, 'method_not_allowed'],
  ])('%s %s: %i', async (method, path, status, code) => {
    const { app } = await start(ANSWER)
    const response = await app.request(path, { method })
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }])
  })

  test('an event of another completion, or one that has not come', async () => {
    const { app } = await start(ANSWER)
    const id = completionOf(await all(await stream(app)))
    for (const last of ['chatcmpl-1:3', `${id}:x`, `${id}:99999`]) {
      const response = await resume(app, last, id)
      expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'invalid_event_id' } }])
    }
  })
})

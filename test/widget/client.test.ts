import { afterEach, describe, expect, test, vi } from 'vitest'
import { AnswerError, type AnswerEvent, fetchModelId, streamAnswer } from '../../src/widget/client.ts'
import { type App, fakeApp } from '../support/fake-app.ts'
import { FakeModel, fakeChat } from '../support/fake-model.ts'

const ENDPOINT = 'http://localhost'
const QUESTION = [{ role: 'user' as const, content: 'Hello?' }]

const EDGE = { type: 'source', source: 'edge', reason: 'no-origin' }

afterEach(() => vi.unstubAllGlobals())

function serve(app: App): void {
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => app.request(new Request(url, init)))
}

function respond(response: Response): void {
  vi.stubGlobal('fetch', async () => response)
}

async function collect(signal = new AbortController().signal, messages = QUESTION): Promise<AnswerEvent[]> {
  const events: AnswerEvent[] = []
  for await (const event of streamAnswer(ENDPOINT, messages, signal)) events.push(event)
  return events
}

test('the model of an endpoint, with or without a slash at its end', async () => {
  serve(fakeApp())
  const { signal } = new AbortController()
  expect(await fetchModelId(ENDPOINT, signal)).toBe('fake-model')
  expect(await fetchModelId(`${ENDPOINT}/`, signal)).toBe('fake-model')
})

test('text as it comes, then why it ended', async () => {
  serve(fakeApp(fakeChat(new FakeModel('Hé!'))))
  expect(await collect()).toEqual([
    EDGE,
    { type: 'text', text: 'H' },
    { type: 'text', text: 'é' },
    { type: 'text', text: '!' },
    { type: 'finish', reason: 'stop' },
  ])
})

test('reasoning apart from the text', async () => {
  serve(fakeApp(fakeChat(new FakeModel('<think>\nHm\n</think>\n\nNo'))))
  expect(await collect()).toEqual([
    EDGE,
    { type: 'reasoning', text: 'H' },
    { type: 'reasoning', text: 'm' },
    { type: 'text', text: 'N' },
    { type: 'text', text: 'o' },
    { type: 'finish', reason: 'stop' },
  ])
})

test('reasoning under the name of other servers', async () => {
  respond(new Response('data: {"choices":[{"delta":{"reasoning":"Hm"}}]}\n\ndata: [DONE]\n\n'))
  expect(await collect()).toEqual([{ type: 'reasoning', text: 'Hm' }])
})

test('an abort ends it with the reason of the signal, and stops the model', async () => {
  const model = new FakeModel('x'.repeat(1000))
  serve(fakeApp(fakeChat(model)))
  const abort = new AbortController()
  const read = async () => {
    for await (const event of streamAnswer(ENDPOINT, QUESTION, abort.signal)) {
      if (event.type === 'text') abort.abort(new Error('enough'))
    }
  }
  await expect(read()).rejects.toThrow('enough')
  while (model.released === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(model.decoded).toBeLessThan(1000)
})

describe('errors', () => {
  test('of the API keep their words and code', async () => {
    serve(fakeApp())
    const tooLong = [{ role: 'user' as const, content: 'x'.repeat(5000) }]
    const error = await collect(undefined, tooLong).catch((error) => error)
    expect(error).toBeInstanceOf(AnswerError)
    expect(error).toMatchObject({ code: 'context_length_exceeded', message: expect.stringContaining('4096') })
  })

  test('in the stream end it', async () => {
    respond(new Response('data: {"error":{"message":"Out of luck.","code":"internal_error"}}\n\n'))
    await expect(collect()).rejects.toMatchObject({ code: 'internal_error', message: 'Out of luck.' })
  })

  test('a stream without its end is incomplete', async () => {
    respond(new Response('data: {"choices":[{"delta":{"content":"Hal"}}]}\n\n'))
    await expect(collect()).rejects.toMatchObject({ code: 'incomplete' })
  })

  test('a status without a JSON body is told by its number', async () => {
    respond(new Response('<h1>Bad gateway</h1>', { status: 502 }))
    await expect(collect()).rejects.toMatchObject({ message: 'The server answered with status 502.' })
  })

  test('an unreachable server', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('fetch failed')))
    await expect(collect()).rejects.toMatchObject({ code: 'unreachable' })
  })
})

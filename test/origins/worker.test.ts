import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import { smolLm2Tables } from '../support/smollm2-tokenizer-tables.ts'
import { type FakeOrigin, startFakeOrigin } from './fake-origin.ts'

// The Worker in workerd with the embedded model, and an origin that says one sentence for ever.
const KEY = 'sk-a-very-secret-key'
const EOS_ID = 2
const SENTENCE = ' The origin speaks, 好的, 😀.'

let origin: FakeOrigin
let worker: RunningWorker
beforeAll(async () => {
  const tokenizer = loadTokenizer(smolLm2Tables()!)
  const sentence = tokenizer.encode(SENTENCE)
  origin = await startFakeOrigin({
    kind: 'vllm',
    model: 'm',
    tokenizer,
    // The place in the sentence that follows from the last tokens of the prompt.
    next: (ids) => {
      const said = sentence.findLastIndex((_, place) =>
        sentence.slice(0, place + 1).every((id, index) => ids.at(index - place - 1) === id),
      )
      return sentence[(said + 1) % sentence.length]
    },
    eosId: EOS_ID,
    beforeToken: () => setTimeout(5),
  })
  worker = await startWorker({
    port: 0,
    vars: {
      ORIGINS: JSON.stringify([{ name: 'gpu', kind: 'vllm', url: origin.url, model: 'm', keySecret: 'GPU_KEY' }]),
      GPU_KEY: KEY,
      EDGE_BUDGET_TOKENS: '16',
    },
  })
})
afterAll(async () => {
  await worker?.stop()
  await origin?.stop()
})

const question = (change: object = {}) => ({
  messages: [{ role: 'user', content: 'Tell me a very long story.' }],
  temperature: 0,
  stream: true,
  stream_options: { include_usage: true },
  // Without an end token the answer goes on.
  logit_bias: { [EOS_ID]: -100 },
  ...change,
})

/** With a socket of its own, which is closed when it is told to be: fetch closes it when it likes. */
async function send(method: string, path: string, headers: Record<string, string>, body?: object) {
  const request = httpRequest(`${worker.url}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    agent: false,
  })
  request.on('error', () => {})
  request.end(body && JSON.stringify(body))
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.on('error', () => {})
  return { response, hangUp: () => request.destroy() }
}

interface Event {
  readonly id: string
  readonly data: string
}

/** All events, or those until `enough`; then the socket is closed. */
async function read(
  { response, hangUp }: Awaited<ReturnType<typeof send>>,
  enough: (events: readonly Event[]) => boolean = () => false,
): Promise<Event[]> {
  const events: Event[] = []
  const parser = createParser({ onEvent: ({ id, data }) => events.push({ id: id!, data }) })
  response.setEncoding('utf8')
  try {
    for await (const chunk of response) {
      parser.feed(chunk)
      if (enough(events)) break
    }
  } finally {
    hangUp()
  }
  return events
}

const post = (body: object, headers: Record<string, string> = {}) => send('POST', '/v1/chat/completions', headers, body)

/** The text and the usage of a stream's events. */
function joined(events: readonly Event[]) {
  expect(events.map(({ id }) => Number(id.split(':')[1]))).toEqual(events.map((_, index) => index))
  expect(events.at(-1)!.data).toBe('[DONE]')
  const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data))
  return {
    text: chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
    usage: chunks.at(-1).usage,
  }
}

/** The edge's own words, then the origin's sentence, nothing lost and nothing twice. */
async function expectJoined(text: string, edgeTokens: number) {
  const start = text.indexOf(SENTENCE)
  const change = { max_tokens: edgeTokens, model: 'smollm2-135m-instruct:edge' }
  expect(text.slice(0, start)).toBe(joined(await read(await post(question(change)))).text)
  // The last character may be cut.
  const spoken = text.slice(start).replace(/\ufffd$/, '')
  expect(spoken).toBe(SENTENCE.repeat(40).slice(0, spoken.length))
}

async function health() {
  return JSON.parse(await readText((await send('GET', '/healthz', {})).response))
}

/** Tokens made until now, by the edge and by the origin. */
async function made(): Promise<[number, number]> {
  return [(await health()).tokensComputed, origin.made]
}

async function expectStandstill() {
  await vi.waitFor(
    async () => {
      const before = await made()
      await setTimeout(200)
      expect(await made()).toEqual(before)
    },
    { timeout: 5000 },
  )
}

const spokenByOrigin = (events: readonly Event[]) => events.some(({ data }) => data.includes('好'))

test('an answer moves to the origin in mid-stream', async () => {
  const sent = await post(question({ max_tokens: 300 }))
  expect(sent.response.headers['x-nanbeige-route']).toBe('edge-then-origin; reason=may-get-long')
  const { text, usage } = joined(await read(sent))
  const { edge_tokens, origin_tokens } = usage.nanbeige
  expect([usage.completion_tokens, edge_tokens + origin_tokens]).toEqual([300, 300])
  expect(Math.min(edge_tokens, origin_tokens)).toBeGreaterThan(0)
  await expectJoined(text, edge_tokens)
  expect(new Set(origin.authorizations)).toEqual(new Set([`Bearer ${KEY}`]))
  const report = await health()
  expect(report.origins).toMatchObject([{ name: 'gpu', circuit: 'closed', mode: 'ids', changes: [] }])
  expect(JSON.stringify(report)).not.toContain(KEY)
})

test.each([
  ['edge-then-origin', {}],
  ['origin', { model: 'smollm2-135m-instruct:origin' }],
])('a client that hangs up while the origin answers stops both: %s', async (route, change) => {
  // What loses hang-ups at all loses one of ten.
  for (let attempt = 0; attempt < 8; attempt++) {
    const sent = await post(question(change))
    expect(sent.response.headers['x-nanbeige-route']).toMatch(new RegExp(`^${route};`))
    await read(sent, spokenByOrigin)
    await expectStandstill()
  }
})

test('a stream that breaks goes on meanwhile, and is resumed without a gap', async () => {
  const body = question({ max_tokens: 300 })
  for (const enough of [(events: readonly Event[]) => events.length > 3, spokenByOrigin]) {
    const first = await read(await post(body, { 'x-nanbeige-resumable': '1' }), enough)
    await setTimeout(200)
    const last = first.at(-1)!.id
    const path = `/v1/chat/completions/${last.split(':')[0]}/events`
    const rest = await read(await send('GET', path, { 'Last-Event-ID': last }))
    const { text, usage } = joined([...first, ...rest])
    expect(usage.completion_tokens).toBe(300)
    await expectJoined(text, usage.nanbeige.edge_tokens)
  }
})

test('cancelling stops both', async () => {
  const sent = await post(question(), { 'x-nanbeige-resumable': '1' })
  const first = await read(sent, spokenByOrigin)
  const id = first[0].id.split(':')[0]
  const { response } = await send('POST', `/v1/chat/completions/${id}/cancel`, {})
  expect(JSON.parse(await readText(response))).toEqual({ id, cancelled: true })
  await expectStandstill()
  const rest = await read(await send('GET', `/v1/chat/completions/${id}/events`, { 'Last-Event-ID': first.at(-1)!.id }))
  expect(JSON.parse(rest.at(-1)!.data)).toMatchObject({ error: { code: 'cancelled' } })
})

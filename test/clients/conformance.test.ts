import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { HOLD_MS } from '../../src/http/slow-json.ts'
import type { RunningWorker } from '../../src/serve/start-worker.ts'
import { startServer } from '../support/server.ts'
import { type Answer, CHAT_CLIENTS, type Failure, type RunningClient } from './chat-client.ts'
import { type DyingOrigin, startWorkerWithDyingOrigin } from './dying-origin.ts'
import { answeredAfterWaiting } from './waiting.ts'
import { startWiretap, type Wiretap } from './wiretap.ts'

// The clients that people use, over sockets to workerd with the embedded model.

const MODEL = 'smollm2-135m-instruct'
const END_OF_TURN = 2
const TOKENS = 80
const STORY = {
  messages: [{ role: 'user', content: 'Tell me a long story about a mill by the sea.' }],
  max_tokens: TOKENS,
  seed: 7,
  temperature: 0.8,
  // The story has all of its tokens.
  logit_bias: { [END_OF_TURN]: -100 },
}
/** A comment, which no line of JSON and no header looks like. */
const HEARTBEAT = /: \n/g
/** White space that goes out alone, as a chunk of HTTP/1.1. */
const KEEP_ALIVE = /\r\n1\r\n\s\r\n/g
/** In which the client hears of its answer: longer than its status is held. */
const LATE_MS = 2 * HOLD_MS

let server: RunningWorker
let tap: Wiretap
let dying: DyingOrigin
let dyingTap: Wiretap
beforeAll(async () => {
  ;[server, dying] = await Promise.all([startServer({ SEQUENCES: 1 }), startWorkerWithDyingOrigin()])
  ;[tap, dyingTap] = await Promise.all([server, dying].map(({ url }) => startWiretap(url)))
})
afterAll(() => Promise.all([tap, dyingTap, server, dying].map((started) => started?.stop())))

describe.each(CHAT_CLIENTS.map((client) => ({ client, ...client })))('$name', ({ client, installed }) => {
  describe.skipIf(!installed)('over sockets (installed by scripts/install-python-clients.sh)', () => {
    let running: RunningClient
    const ask: Ask = ({ url }, maxRetries, body) =>
      running.ask({ url: `${url}/v1`, apiKey: 'none', maxRetries, body: { model: MODEL, ...body } })

    beforeAll(async () => {
      running = client.start()
      // What it imports takes longer than some of what follows.
      await ask(server, 0, { messages: STORY.messages, max_tokens: 1 })
    })
    afterAll(() => running?.stop())

    test('streams a story, and gets the same one whole, after waiting for its turn', async () => {
      const streaming = { ...STORY, stream: true, stream_options: { include_usage: true } }
      const streamed = await afterWaiting(HEARTBEAT, 3, () => ask(tap, 0, streaming))
      const whole = await afterWaiting(KEEP_ALIVE, 1, () => ask(tap, 0, STORY))
      expect(whole.text.length).toBeGreaterThan(2 * TOKENS)
      expect(streamed.text).toBe(whole.text)
      expect(streamed.chunks).toBeGreaterThan(TOKENS / 2)
      const usage = { prompt_tokens: expect.any(Number), completion_tokens: TOKENS }
      expect(whole.usage).toMatchObject(usage)
      const { prompt_tokens, completion_tokens, total_tokens } = whole.usage!
      expect(streamed.usage).toMatchObject({ prompt_tokens, completion_tokens, total_tokens })
    })

    test('does not repeat a request that is refused for what it says', async () => {
      tap.clear()
      const { error } = (await ask(tap, 2, { ...STORY, n: 9 })) as Failure
      expect(error).toMatchObject({ type: 'BadRequestError', status: 400 })
      expect(error.message).toContain('Invalid value for n')
      expect(posts(tap)).toBe(1)
    })

    failures(ask)
  })
})

type Ask = (server: { url: string }, maxRetries: number, body: object) => Promise<Answer | Failure>

/** What the client gets that waits behind another one until it has heard as many signs of life. */
async function afterWaiting(sign: RegExp, count: number, ask: () => Promise<Answer | Failure>): Promise<Answer> {
  tap.clear()
  const heard = () => expect(tap.got.match(sign)?.length ?? 0).toBeGreaterThanOrEqual(count)
  const answer = await answeredAfterWaiting(server.url, ask, heard)
  expect(answer.error).toBeUndefined()
  return answer as Answer
}

function posts({ sent }: Wiretap): number {
  return sent.match(/POST \/v1\/chat\/completions/g)?.length ?? 0
}

/** How the client takes it that an origin dies, where the edge cannot go on: the prompt is longer than its context. */
function failures(askOf: Ask): void {
  describe('asks what only an origin can answer, which', () => {
    beforeEach(async () => {
      await dying.works()
      dyingTap.clear()
    })

    const body = { messages: [{ role: 'user', content: 'Again. '.repeat(1200) }], max_tokens: 8 }
    const ask = (maxRetries: number, more: object = {}) => askOf(dyingTap, maxRetries, { ...body, ...more })
    const MESSAGE = 'No GPU origin can answer now'

    test('answers', async () => {
      expect(await ask(0)).toMatchObject({ text: dying.text(8), usage: { completion_tokens: 8 } })
    })

    test.each([0, 2])('dies after %d tokens: raises with the message and status of the server', async (tokens) => {
      dying.failsAfter(tokens)
      const { error } = (await ask(0)) as Failure
      expect(error).toMatchObject({ status: 502, message: expect.stringContaining(MESSAGE) })
      expect(posts(dyingTap)).toBe(1)
    })

    test.each([0, 2])('dies after %d tokens and comes back: asks again, and gets the answer', async (tokens) => {
      dying.failsAfter(tokens)
      expect(await ask(2)).toMatchObject({ text: dying.text(8) })
      expect(posts(dyingTap)).toBe(2)
    })

    test('dies when the client has heard of the answer: raises', async () => {
      dying.failsAfter(2, LATE_MS)
      const { error } = (await ask(0)) as Failure
      expect(error.type).toMatch(/Error$/)
      expect(dyingTap.got).toMatch(KEEP_ALIVE)
      expect(posts(dyingTap)).toBe(1)
    })

    test('dies after two tokens of a stream: raises with the message of the server', async () => {
      dying.failsAfter(2)
      const { error } = (await ask(0, { stream: true })) as Failure
      expect(error.message).toContain(MESSAGE)
      expect(posts(dyingTap)).toBe(1)
    })
  })
}

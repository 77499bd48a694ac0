import { afterEach, describe, expect, test } from 'vitest'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { History } from '../../src/origin/history.ts'
import { openOrigins } from '../../src/origin/origins.ts'
import { EOS_ID } from '../support/fake-model.ts'
import { collect, configs, requestOf } from './collect.ts'
import { type FakeOriginOptions, startFakeOrigin } from './fake-origin.ts'
import { nextLetter, tokenizer } from './letters-model.ts'

// Origins that are given text: what is asked of them, and what they may send.

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A server of /v1/completions, asked as one of this kind. */
async function textOrigin(kind: OriginKind, options: Partial<FakeOriginOptions> = {}) {
  const origin = await startFakeOrigin({
    kind: 'openai',
    model: 'letters',
    tokenizer,
    next: nextLetter,
    eosId: EOS_ID,
    ...options,
  })
  stops.push(origin.stop)
  const lines: { event: string; code?: string }[] = []
  const log = (entry: (typeof lines)[number]) => lines.push(entry)
  const origins = await openOrigins(configs({ kind, url: origin.url }), { tokenizer, log })
  const failures = () => lines.filter(({ event }) => event === 'origin_failed').map(({ code }) => code)
  return { origin, origins, failures }
}

const sse = (events: object[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
const EVENT_STREAM = { 'Content-Type': 'text/event-stream' }

describe('stream_options', () => {
  const REFUSALS: [number, object][] = [
    [400, { error: { message: 'stream_options is not supported' } }],
    [422, { detail: [{ loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }] }],
    [400, { error: 'Unknown field: include_usage' }],
  ]
  test.each(REFUSALS)('that an origin refuses with %i %j are left out from then on', async (status, refusal) => {
    const { origin, origins, failures } = await textOrigin('openai', {
      instead(path, body, response) {
        if (path !== '/tokens' || !body.stream_options) return false
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(refusal))
        return true
      },
    })
    for (let request = 0; request < 2; request++) {
      expect((await collect(origins.continueAtOrigin(requestOf()))).end).toBe('length')
    }
    expect(origin.bodies.map((body) => 'stream_options' in body)).toEqual([true, false, false])
    expect([failures(), origins.health()[0]]).toMatchObject([[], { failed: 0, completed: 2 }])
  })

  test('are asked for where nothing is wrong with them, whatever else is', async () => {
    const { origin, origins } = await textOrigin('openai', {
      instead(path, _, response) {
        if (path !== '/tokens') return false
        response.writeHead(400).end('{"error":{"message":"no"}}')
        return true
      },
    })
    expect((await collect(origins.continueAtOrigin(requestOf()))).end).toEqual(['bad_request'])
    expect(origin.bodies.length).toBe(1)
  })

  test('that are refused in the middle of an answer begin nothing anew', async () => {
    const { origin, origins } = await textOrigin('openai', {
      instead(path, body, response) {
        if (path !== '/tokens' || !body.stream_options || body.prompt !== 'Tell me: ') return false
        const error = { error: { code: 400, message: 'stream_options' } }
        response.writeHead(200, EVENT_STREAM).end(sse([{ choices: [{ text: 'ab' }] }, error]))
        return true
      },
    })
    const { text } = await collect(origins.continueAtOrigin(requestOf()))
    expect([text, origin.bodies.length]).toEqual(['ab', 1])
  })
})

describe('a BOS token is there once', () => {
  const TEXT = '<|im_start|>user\nHi<|im_end|>\n'
  const ids = tokenizer.encode(TEXT)
  const [BOS] = ids
  const bosFree = TEXT.slice('<|im_start|>'.length)
  /** Makes the tokenizers differ, so that text is exchanged. */
  const foreign = (text: string) => (text.startsWith('0123') ? [1] : tokenizer.encode(text))

  async function asked(
    kind: OriginKind,
    prompt: { text: string; ids: number[] },
    tokenize: FakeOriginOptions['tokenize'] = foreign,
  ) {
    const { origin, origins } = await textOrigin(kind, { tokenize })
    await collect(origins.continueAtOrigin(requestOf({ history: new History(tokenizer, prompt), maxTokens: 3 })))
    return origin.bodies[0]
  }

  test('at vLLM, which adds none to a text that has all', async () => {
    expect(await asked('vllm', { text: TEXT, ids })).toMatchObject({ prompt: TEXT, add_special_tokens: false })
    expect(await asked('vllm', { text: bosFree, ids: tokenizer.encode(bosFree) })).toMatchObject({
      prompt: bosFree,
      add_special_tokens: false,
    })
  })

  test('at vLLM, which adds what the text does not say', async () => {
    const { prompt, add_special_tokens } = await asked('vllm', { text: bosFree, ids })
    expect([prompt, add_special_tokens]).toEqual([bosFree, true])
  })

  test('at SGLang, which adds it whatever it is told', async () => {
    const adding = (text: string) => [BOS, ...foreign(text)]
    expect((await asked('sglang', { text: TEXT, ids }, adding)).prompt).toBe(bosFree)
    expect((await asked('sglang', { text: bosFree, ids }, adding)).prompt).toBe(bosFree)
    expect((await asked('sglang', { text: TEXT, ids })).prompt).toBe(TEXT)
  })

  test('at llama-server, which adds it too', async () => {
    const adding = (text: string, { add_special }: Record<string, unknown>) => [
      ...(add_special ? [BOS] : []),
      ...foreign(text),
    ]
    expect((await asked('llama-server', { text: TEXT, ids }, adding)).prompt).toBe(bosFree)
    expect((await asked('llama-server', { text: TEXT, ids })).prompt).toBe(TEXT)
  })

  test('and others get no field that they may refuse', async () => {
    for (const kind of ['openai', 'sglang', 'llama-server'] as const) {
      const tokenize = kind === 'llama-server' ? foreign : undefined
      expect(await asked(kind, { text: TEXT, ids }, tokenize)).not.toHaveProperty('add_special_tokens')
    }
  })
})

describe('an origin that knows no max_tokens is stopped', () => {
  test.each([
    ['chunk by chunk', { text: 'a' }],
    ['by characters', { text: 'a'.repeat(1000) }],
    ['though every chunk ends the answer', { text: 'a', finish_reason: 'stop' }],
  ])('%s', async (_, choice) => {
    let open = true
    const { origins } = await textOrigin('openai', {
      instead(path, _, response) {
        if (path !== '/tokens') return false
        response.writeHead(200, EVENT_STREAM)
        response.on('close', () => {
          open = false
        })
        const send = () => {
          if (open) response.write(sse([{ choices: [choice] }]), () => setImmediate(send))
        }
        send()
        return true
      },
    })
    const got = await collect(origins.continueAtOrigin(requestOf({ maxTokens: 20 })))
    expect([got.end, got.text.length < 2 * 20 * 32 + 1000]).toEqual(['length', true])
    await expect.poll(() => open).toBe(false)
  })
})

import { afterEach, describe, expect, test, vi } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { History } from '../../src/origin/history.ts'
import { openOrigins } from '../../src/origin/origins.ts'
import { EOS_ID } from '../support/fake-model.ts'
import { type Collected, collect, configs, requestOf } from './collect.ts'
import { type FakeOriginOptions, startFakeOrigin } from './fake-origin.ts'
import { type Fault, startFaultProxy } from './fault-proxy.ts'
import { continuation, lettersUntil, nextLetter, PROMPT, tokenizer } from './letters-model.ts'

const KINDS: OriginKind[] = ['vllm', 'sglang', 'llama-server', 'openai']
const ID_KINDS: OriginKind[] = ['vllm', 'sglang', 'llama-server']
const TIMERS = { connectMs: 2000, firstTokenMs: 2000, idleMs: 150, totalMs: 60_000 }

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function fake(kind: OriginKind, options: Partial<FakeOriginOptions> = {}) {
  const origin = await startFakeOrigin({
    kind,
    model: 'letters',
    tokenizer,
    next: nextLetter,
    eosId: EOS_ID,
    ...options,
  })
  const proxy = await startFaultProxy(origin.url)
  stops.push(proxy.stop, origin.stop)
  return { origin, proxy }
}

const pool = (origins: ReturnType<typeof configs>, log: (entry: object) => void = () => {}) =>
  openOrigins(origins, { tokenizer, log, random: createRandom(1) })

/** Whole characters: the last tokens may be the beginning of one, which no text shows. */
const textOf = ({ ids, text }: Pick<Collected, 'ids' | 'text'>) =>
  (new TextDecoder().decode(Uint8Array.from(ids)) + text).replace(/\ufffd$/, '')
const expectedText = (count: number) => textOf({ ids: continuation(PROMPT.ids, count), text: '' })

describe.each(KINDS)('%s', (kind) => {
  test('continues a prompt up to maxTokens', async () => {
    const { proxy } = await fake(kind)
    const got = await collect((await pool(configs({ kind, url: proxy.url }))).continueAtOrigin(requestOf()))
    expect([textOf(got), got.count, got.end]).toEqual([expectedText(50), 50, 'length'])
    expect(got.ids.length).toBe(kind === 'openai' ? 0 : 50)
  })

  test('ends at EOS, which is no token of the answer', async () => {
    const { proxy } = await fake(kind, { next: lettersUntil(PROMPT.ids.length + 20) })
    const got = await collect((await pool(configs({ kind, url: `${proxy.url}/v1/` }))).continueAtOrigin(requestOf()))
    expect([textOf(got), got.end]).toEqual([expectedText(20), 'eos'])
  })

  test('tells a wrong model from the list of models', async () => {
    const { proxy } = await fake(kind, { model: 'other' })
    const origins = await pool(configs({ kind, url: proxy.url }))
    expect((await collect(origins.continueAtOrigin(requestOf()))).end).toEqual(['wrong_model'])
    expect(proxy.requests).toEqual([])
  })

  test('stops the origin within a token when the reader goes away', async () => {
    const { origin } = await fake(kind)
    const origins = await pool(configs({ kind, url: origin.url }))
    const stream = origins.continueAtOrigin(requestOf({ maxTokens: 3000 }))
    for (let i = 0; i < 5; i++) await stream.next()
    await stream.return('aborted')
    await vi.waitFor(async () => {
      const { made } = origin
      await new Promise((resolve) => setTimeout(resolve, 30))
      expect(origin.made).toBe(made)
    })
    expect(origin.made).toBeLessThan(3000)
    expect(origins.health()[0]).toMatchObject({ circuit: 'closed', failed: 0, cancelled: 1 })
  })

  test('an abort ends it, while it waits too', async () => {
    const { proxy } = await fake(kind)
    proxy.inject({ kind: 'stall', atByte: 400 })
    const controller = new AbortController()
    const origins = await pool(configs({ kind, url: proxy.url, timers: { ...TIMERS, idleMs: 30_000 } }))
    const got = collect(origins.continueAtOrigin(requestOf({ signal: controller.signal })))
    await vi.waitFor(() => expect(proxy.requests.length).toBe(1))
    controller.abort()
    expect((await got).end).toBe('aborted')
  })

  test('refuses a redirect without following it', async () => {
    const { proxy } = await fake(kind)
    const other = await fake(kind)
    proxy.inject({ kind: 'status', status: 307, headers: { Location: `${other.proxy.url}/v1/completions` } })
    const origins = await pool(configs({ kind, url: proxy.url, keySecret: 'KEY_A' }))
    expect((await collect(origins.continueAtOrigin(requestOf()))).end).toEqual(['redirected'])
    expect(other.origin.authorizations).toEqual([])
  })
})

describe('a fault in the stream loses and repeats nothing', () => {
  const random = createRandom(7)
  const at = () => 1 + Math.floor(random() * 2500)
  const bytes = () => Uint8Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 256))
  const FAULTS: Record<string, () => Fault> = {
    refuse: () => ({ kind: 'refuse' }),
    'status 500': () => ({ kind: 'status', status: 500, body: 'broken' }),
    'status 503 with Retry-After': () => ({ kind: 'status', status: 503, headers: { 'Retry-After': '0' } }),
    'status 429 with Retry-After': () => ({ kind: 'status', status: 429, headers: { 'Retry-After': '0' } }),
    slow: () => ({ kind: 'slow', ms: 60 }),
    // Not before the first token: who is that slow is not asked again.
    stall: () => ({ kind: 'stall', atByte: 400 + at() }),
    cut: () => ({ kind: 'cut', atByte: at() }),
    end: () => ({ kind: 'end', atByte: at() }),
    garbage: () => ({ kind: 'garbage', atByte: at(), bytes: bytes() }),
  }

  describe.each(ID_KINDS)('%s', (kind) => {
    test.each(Object.keys(FAULTS))('%s', async (name) => {
      const { proxy } = await fake(kind)
      for (let run = 0; run < 5; run++) {
        const origins = await pool(configs({ kind, url: proxy.url, timers: TIMERS }))
        await origins.check()
        proxy.inject(FAULTS[name]())
        const got = await collect(origins.continueAtOrigin(requestOf()))
        expect([got.ids, got.end]).toEqual([continuation(PROMPT.ids, 50), 'length'])
      }
    })
  })

  test('nor do text origins, between characters', async () => {
    const { proxy } = await fake('openai')
    for (const name of ['cut', 'stall', 'end']) {
      const origins = await pool(configs({ kind: 'openai', url: proxy.url, timers: TIMERS }))
      proxy.inject(FAULTS[name]())
      const got = await collect(origins.continueAtOrigin(requestOf()))
      // How many tokens a broken stream had is not known exactly.
      expect(expectedText(200).startsWith(textOf(got))).toBe(true)
      expect([got.count >= 50, got.end]).toEqual([true, 'length'])
      expect(proxy.requests.length).toBeGreaterThan(0)
    }
  })

  test('several faults one after the other, as long as tokens come between them', async () => {
    const { proxy } = await fake('vllm')
    const origins = await pool(configs({ url: proxy.url, timers: TIMERS }))
    proxy.inject(...[900, 700].map((atByte) => ({ kind: 'cut', atByte }) as const))
    expect((await collect(origins.continueAtOrigin(requestOf()))).ids).toEqual(continuation(PROMPT.ids, 50))
    expect(proxy.requests.length).toBe(3)
  })
})

describe('faults that the same origin cannot mend', () => {
  test.each<[Fault, string]>([
    [{ kind: 'status', status: 400, body: '{"error":"no"}' }, 'bad_request'],
    [{ kind: 'status', status: 400, body: 'maximum context length is 10' }, 'context_exceeded'],
    [{ kind: 'status', status: 401 }, 'unauthorized'],
    [{ kind: 'status', status: 404 }, 'wrong_model'],
    [{ kind: 'status', status: 526 }, 'tls'],
  ])('%j: the next origin answers', async (fault, code) => {
    const [first, second] = [await fake('vllm'), await fake('vllm')]
    const log = vi.fn()
    const origins = await pool(configs({ url: first.proxy.url }, { url: second.proxy.url, order: 1 }), log)
    await origins.check()
    first.proxy.inject(fault)
    expect((await collect(origins.continueAtOrigin(requestOf()))).ids).toEqual(continuation(PROMPT.ids, 50))
    expect(log).toHaveBeenCalledWith(expect.objectContaining({ event: 'origin_failed', origin: 'origin-0', code }))
    expect(first.proxy.requests.length).toBe(1)
  })

  test.each<[OriginKind, Fault, string]>([
    ['vllm', { kind: 'slow', ms: 2000 }, 'connect_timeout'],
    ['vllm', { kind: 'stall', atByte: 0 }, 'first_token_timeout'],
    // Its response begins with the first token.
    ['llama-server', { kind: 'slow', ms: 2000 }, 'first_token_timeout'],
  ])('a first token that is too slow: %s, %j', async (kind, fault, code) => {
    const { proxy } = await fake(kind)
    const timers = { ...TIMERS, connectMs: 100, firstTokenMs: 200 }
    const origins = await pool(configs({ kind, url: proxy.url, timers }))
    await origins.check()
    proxy.inject(fault)
    expect((await collect(origins.continueAtOrigin(requestOf()))).end).toEqual([code])
  })

  test('a port where nobody listens, and one that speaks no TLS', async () => {
    const { proxy } = await fake('vllm')
    await proxy.stop()
    stops.splice(0, 1)
    const refused = await pool(configs({ url: proxy.url }))
    expect((await collect(refused.continueAtOrigin(requestOf()))).end).toEqual(['unreachable', 'unreachable'])
    const { origin } = await fake('vllm')
    const tls = await pool(configs({ url: origin.url.replace('http:', 'https:') }))
    expect((await collect(tls.continueAtOrigin(requestOf()))).end).toEqual(['tls'])
  })

  test('a wait that Retry-After makes too long', async () => {
    const { proxy } = await fake('vllm')
    const origins = await pool(configs({ url: proxy.url }))
    await origins.check()
    proxy.inject({ kind: 'status', status: 429, headers: { 'Retry-After': '120' } })
    expect((await collect(origins.continueAtOrigin(requestOf()))).end).toEqual(['rate_limited'])
    expect(origins.available).toBe(false)
  })

  test('three failures open the circuit: the origin is left alone', async () => {
    const { proxy } = await fake('vllm')
    const log = vi.fn()
    const origins = await pool(configs({ url: proxy.url }), log)
    await origins.check()
    proxy.inject(...Array.from({ length: 9 }, () => ({ kind: 'status', status: 500 }) as const))
    for (let i = 0; i < 3; i++) await collect(origins.continueAtOrigin(requestOf()))
    expect(proxy.requests.length).toBe(3)
    expect(origins.available).toBe(false)
    expect(origins.health()[0]).toMatchObject({ circuit: 'open', lastFailure: 'server_error' })
    expect(log).toHaveBeenCalledWith(
      expect.objectContaining({ event: 'origin_circuit', from: 'closed', to: 'open', cause: 'server_error' }),
    )
  })
})

describe('where to go on', () => {
  test('from generated tokens, inside a character too', async () => {
    for (const kind of ID_KINDS) {
      const { proxy } = await fake(kind)
      const origins = await pool(configs({ kind, url: proxy.url }))
      const generated = continuation(PROMPT.ids, 60)
      for (let cut = 0; cut < 30; cut++) {
        const history = new History(tokenizer, PROMPT).with(
          generated.slice(0, cut).map((id) => ({ id, logprobs: undefined })),
        )
        const got = await collect(origins.continueAtOrigin(requestOf({ history, maxTokens: 60 - cut })))
        expect(got.ids).toEqual(generated.slice(cut))
      }
    }
  })

  test('a limit inside a character gives every token', async () => {
    const { proxy } = await fake('llama-server')
    const origins = await pool(configs({ kind: 'llama-server', url: proxy.url }))
    for (let maxTokens = 1; maxTokens < 30; maxTokens++) {
      const got = await collect(origins.continueAtOrigin(requestOf({ maxTokens })))
      expect([got.ids, got.end]).toEqual([continuation(PROMPT.ids, maxTokens), 'length'])
    }
  })

  test('SGLang that streams new ids only', async () => {
    const { proxy } = await fake('sglang', { incremental: true, next: lettersUntil(PROMPT.ids.length + 12) })
    const got = await collect((await pool(configs({ kind: 'sglang', url: proxy.url }))).continueAtOrigin(requestOf()))
    expect([got.ids, got.end]).toEqual([continuation(PROMPT.ids, 12), 'eos'])
  })
})

test('an origin whose tokenizer is not ours takes text, with a warning in the log and in the health', async () => {
  // It has vLLM's endpoints, and answers in text.
  const { proxy } = await fake('openai', { tokenize: (text) => [...tokenizer.encode(text), 7] })
  const lines: object[] = []
  const origins = await pool(configs({ kind: 'vllm', url: proxy.url }), (entry) => lines.push(entry))
  await origins.check()
  expect(origins.health()[0]).toMatchObject({ mode: 'text', warning: expect.stringContaining('tokenizer') })
  expect(lines).toContainEqual(expect.objectContaining({ event: 'origin_text_mode', level: 'warning' }))

  const got = await collect(origins.continueAtOrigin(requestOf()))
  expect([got.text.replace('\ufffd', ''), got.ids, got.count]).toEqual([expectedText(50), [], 50])
  expect(JSON.parse(proxy.requests[0].body).prompt).toBe(PROMPT.text)

  const { sampling, stopRules } = requestOf()
  expect(origins.takeTextOnly).toBe(true)
  const demands = { sampling, stopRules, grammar: false, topLogprobs: undefined, begun: true, hasText: true }
  expect(origins.unsupported(demands)).toBeUndefined()
  expect(origins.unsupported({ ...demands, topLogprobs: 1, begun: false })).toContain('logprobs')
  const inside = new History(tokenizer, PROMPT).with([{ id: 0xf0, logprobs: undefined }])
  expect((await collect(origins.continueAtOrigin(requestOf({ history: inside })))).end).toEqual(['unsupported'])
})

test.each(ID_KINDS)('%s without a way to compare tokenizers takes text', async (kind) => {
  const { proxy } = await fake(kind)
  const fetchWithout = (url: string, init: RequestInit) =>
    /tokenize|generate/.test(url) ? Promise.resolve(new Response('no', { status: 404 })) : fetch(url, init)
  const origins = await openOrigins(configs({ kind, url: proxy.url }), {
    tokenizer,
    log: () => {},
    fetch: fetchWithout,
  })
  await origins.check()
  expect(origins.health()[0]).toMatchObject({ mode: 'text', warning: expect.stringContaining('compared') })
})

test('keys go to their own origins only, and into no log', async () => {
  const [a, b] = [await fake('vllm'), await fake('vllm')]
  const lines: object[] = []
  const origins = await pool(
    configs({ url: a.proxy.url, keySecret: 'KEY_A' }, { url: b.proxy.url, keySecret: 'KEY_B', order: 1 }),
    (entry) => lines.push(entry),
  )
  await origins.check()
  a.proxy.inject({ kind: 'status', status: 401, body: 'Bearer key-of-a is wrong' })
  await collect(origins.continueAtOrigin(requestOf()))
  expect(new Set(a.origin.authorizations)).toEqual(new Set(['Bearer key-of-a']))
  expect(new Set(b.origin.authorizations)).toEqual(new Set(['Bearer key-of-b']))
  expect(lines.length).toBeGreaterThan(0)
  expect(JSON.stringify([lines, origins.health()])).not.toContain('key-of-')
})

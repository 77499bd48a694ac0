import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GenerationQueue } from '../src/generate/queue.ts'
import { type App, allEvents, fakeApp, HELLO, post, readEvents } from './fake-app.ts'
import { FakeModel, fakeChat, type Script } from './fake-model.ts'
import { type FakeOrigin, ORIGIN_LOGPROB } from './origins/fake-origin.ts'
import { startFaultProxy } from './origins/fault-proxy.ts'
import { originApp, startScriptedOrigin } from './origins/origin-app.ts'

interface Completion {
  choices: { message: Record<string, unknown>; finish_reason: string; logprobs: { content: { logprob: number }[] } }[]
  usage: {
    prompt_tokens: number
    completion_tokens: number
    completion_tokens_details: { reasoning_tokens: number }
    nanbeige: { route: string; reason: string; edge_tokens: number; origin_tokens: number }
  }
}

const LONG = `<think>\n${'Hm, grüße, 好的, 😀. '.repeat(12)}\n</think>\n\n${'It is so. '.repeat(12)}`
const LENGTH = new TextEncoder().encode(LONG).length - '<think></think>'.length + 2
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
const HAND_OVER = { EDGE_BUDGET_TOKENS: 20 }
const NOWHERE = 'http://127.0.0.1:1'

const stops: (() => Promise<void>)[] = []
let lines: string[]
beforeEach(() => {
  lines = []
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line))
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const stop of stops.splice(0)) await stop()
})

async function originOf(...args: Parameters<typeof startScriptedOrigin>): Promise<FakeOrigin> {
  const origin = await startScriptedOrigin(...args)
  stops.push(() => origin.stop())
  return origin
}

const headers = (route: string) => ({ 'Content-Type': 'application/json', 'x-nanbeige-route': route })

async function ask(app: App, body: object = {}, init: RequestInit = {}) {
  const response = await post(app, { ...HELLO, ...body }, init)
  const completion = (await response.json()) as Completion
  return { status: response.status, route: response.headers.get('x-nanbeige-route'), ...completion }
}

/** What two messages must have in common: everything but the ids of tool calls. */
function message({ choices: [{ message, finish_reason }] }: Completion) {
  const calls = message.tool_calls as { function: object }[] | undefined
  return { ...message, tool_calls: calls?.map((call) => call.function), finish_reason }
}

/** Resolves when the origin makes no more tokens. */
async function expectStopped(origin: FakeOrigin, total: number) {
  await vi.waitFor(async () => {
    const { made } = origin
    await setTimeout(60)
    expect(origin.made).toBe(made)
  })
  expect(origin.made).toBeLessThan(total)
}

describe('the route', () => {
  test.each([
    [{ model: 'fake-model:edge' }, {}, 'edge; reason=asked-for'],
    [{}, { headers: headers('edge') }, 'edge; reason=asked-for'],
    [{ model: 'fake-model:origin' }, {}, 'origin; reason=asked-for'],
    [{}, { headers: headers('origin') }, 'origin; reason=asked-for'],
    [{}, { headers: headers('auto') }, 'edge-then-origin; reason=may-get-long'],
    [{ max_tokens: 20 }, {}, 'edge; reason=short-answer'],
    [{ reasoning_effort: 'high' }, {}, 'origin; reason=long-reasoning'],
    [{ messages: [{ role: 'user', content: 'x'.repeat(2000) }] }, {}, 'origin; reason=long-prompt'],
    [{ presence_penalty: 1 }, {}, 'edge; reason=cannot-hand-over'],
  ])('%#: $2', async (body, init, expected) => {
    const { url } = await originOf('Yes.')
    const model = new FakeModel('Yes.')
    const { status, route, usage, choices } = await ask(
      originApp({ model, origins: [{ url }], env: HAND_OVER }),
      body,
      init,
    )
    expect([status, route, choices[0].message.content]).toEqual([200, expected, 'Yes.'])
    expect(`${usage.nanbeige.route}; reason=${usage.nanbeige.reason}`).toBe(expected)
    const [made, other] = expected.startsWith('origin') ? (['origin', 'edge'] as const) : (['edge', 'origin'] as const)
    expect(usage.nanbeige).toMatchObject({ [`${made}_tokens`]: 4, [`${other}_tokens`]: 0 })
    expect(model.sequences).toBe(made === 'edge' ? 1 : 0)
  })

  test('is in the header and the last usage of a stream', async () => {
    const { url } = await originOf('Yes.')
    const app = originApp({ model: new FakeModel('Yes.'), origins: [{ url }] })
    const body = { ...HELLO, model: 'fake-model:origin', stream: true, stream_options: { include_usage: true } }
    const response = await post(app, body)
    expect(response.headers.get('x-nanbeige-route')).toBe('origin; reason=asked-for')
    expect(response.headers.get('Access-Control-Expose-Headers')?.toLowerCase()).toContain('x-nanbeige-route')
    expect(JSON.parse((await allEvents(response)).at(-2)!).usage).toMatchObject({
      completion_tokens: 4,
      nanbeige: { route: 'origin', reason: 'asked-for', edge_tokens: 0, origin_tokens: 4 },
    })
  })

  test('that is none is refused; the names with a route are models', async () => {
    expect(await ask(fakeApp(), {}, { headers: headers('moon') })).toMatchObject({
      status: 400,
      error: { code: 'invalid_route' },
    })
    expect((await post(fakeApp(), { ...HELLO, model: 'other:edge' })).status).toBe(404)
    expect(await (await fakeApp().request('/v1/models/fake-model:origin')).json()).toMatchObject({
      id: 'fake-model:origin',
    })
  })

  test('a variable that cannot be used is told', async () => {
    const app = originApp({ model: new FakeModel('Yes.'), origins: [{ url: 'ftp://x' }] })
    expect(await ask(app)).toMatchObject({ status: 503, error: { code: 'origin_config_invalid' } })
    expect(await (await app.request('/healthz')).json()).toMatchObject({ error: expect.stringContaining('ORIGINS') })
    const limits = originApp({ model: new FakeModel('Yes.'), origins: [], env: { EDGE_BUDGET_TOKENS: 'many' } })
    expect(await ask(limits)).toMatchObject({ status: 503, error: { code: 'edge_limits_invalid' } })
  })
})

describe('an answer that moves to the origin', () => {
  const call = '<tool_call>\n{"name": "f", "arguments": {"text": "é好😀", "list": [1.0]}}\n</tool_call>'
  const ANSWERS: [string, string, object][] = [
    ['reasoning and content', LONG, {}],
    [
      'a tool call in its arguments',
      `Wait.\n<tool_call>\n{"name": "f", "arguments": {"text": "${'好'.repeat(120)}"}}\n</tool_call>`,
      { tools: TOOLS },
    ],
    ['tool calls after reasoning', `<think>\n${'Hm. '.repeat(60)}\n</think>\n\n${call}\n${call}`, { tools: TOOLS }],
    ['a stop string', `${'So and so. '.repeat(25)}The end. More.`, { stop: ['The end.', 'never'] }],
    ['a character after the other', '😀好é'.repeat(60), {}],
  ]
  const BUDGET: (typeof ANSWERS)[number] = ['a budget of reasoning', LONG, { max_reasoning_tokens: 90 }]
  const CASES = [
    // Of text the tokens are not known, so that a budget ends a little elsewhere.
    ...ANSWERS.map((answer) => ['openai', ...answer] as const),
    ...[...ANSWERS, BUDGET].map((answer) => ['vllm', ...answer] as const),
    ...(['sglang', 'llama-server'] as const).flatMap((kind) =>
      [ANSWERS[0], BUDGET].map((answer) => [kind, ...answer] as const),
    ),
  ]

  test.each(CASES)('%s, %s: says what one model says', async (kind, _, script, change) => {
    const speak: Script = (_, answer) => {
      // After reasoning that was cut short the same answer follows.
      const end = answer.indexOf('</think>')
      const [, rest] = script.split('</think>')
      return end < 0 || rest === undefined ? script : `${answer.slice(0, end)}</think>${rest}`
    }
    const origin = await originOf(speak, { kind })
    const app = originApp({ model: new FakeModel(speak), origins: [{ url: origin.url, kind }], env: HAND_OVER })
    const alone = await ask(fakeApp(fakeChat(new FakeModel(speak))), change)
    const both = await ask(app, change)
    expect(message(both)).toEqual(message(alone))
    const { edge_tokens, origin_tokens } = both.usage.nanbeige
    expect(edge_tokens + origin_tokens).toBe(both.usage.completion_tokens)
    expect(Math.min(edge_tokens, origin_tokens)).toBeGreaterThan(0)
    // Where text is exchanged, tokens are the origin's count of it.
    if (kind !== 'openai') {
      expect(both.usage.completion_tokens).toBe(alone.usage.completion_tokens)
      expect(both.usage.completion_tokens_details).toEqual(alone.usage.completion_tokens_details)
    }
    if (kind === 'vllm' && !('max_reasoning_tokens' in change)) {
      const asked = origin.bodies.at(-1)!.prompt as number[]
      expect(asked).toHaveLength(both.usage.prompt_tokens + edge_tokens)
    }
  })

  test('has logprobs of every token', async () => {
    const script = 'It is so. '.repeat(25)
    const { url } = await originOf(script)
    const app = originApp({ model: new FakeModel(script), origins: [{ url }], env: HAND_OVER })
    const { choices, usage } = await ask(app, { logprobs: true, top_logprobs: 1 })
    const { content } = choices[0].logprobs
    expect(content).toHaveLength(script.length)
    const ofOrigin = content.filter(({ logprob }) => logprob === ORIGIN_LOGPROB)
    expect(ofOrigin).toHaveLength(usage.nanbeige.origin_tokens)
    expect(usage.nanbeige.origin_tokens).toBeGreaterThan(0)
  })

  test('ends at max_tokens of both together', async () => {
    const { url } = await originOf(LONG)
    const app = originApp({ model: new FakeModel(LONG), origins: [{ url }], env: HAND_OVER })
    const { choices, usage } = await ask(app, { max_tokens: 200 })
    expect(choices[0].finish_reason).toBe('length')
    expect(usage.completion_tokens).toBe(200)
    expect(usage.nanbeige.edge_tokens + usage.nanbeige.origin_tokens).toBe(200)
    expect(usage.nanbeige.origin_tokens).toBeGreaterThan(0)
  })

  test('goes on at the origin when the edge’s context is full', async () => {
    const script = 'It is so. '.repeat(30)
    const { url } = await originOf(script)
    const app = originApp({ model: new FakeModel(script, 64), origins: [{ url }] })
    const { choices, usage } = await ask(app)
    expect(choices[0]).toMatchObject({ message: { content: script }, finish_reason: 'stop' })
    expect(usage.nanbeige).toMatchObject({ route: 'edge-then-origin' })
    expect(usage.nanbeige.edge_tokens).toBeLessThan(64)
  })

  test('says so in the log, with the id of the completion', async () => {
    const { url } = await originOf(LONG)
    const response = await post(originApp({ model: new FakeModel(LONG), origins: [{ url }], env: HAND_OVER }), HELLO)
    const { id } = (await response.json()) as { id: string }
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ event: 'handover', completion: id }),
    )
  })
})

describe('origins that fail', () => {
  const thinker = (_: string, answer: string) => {
    const end = answer.indexOf('</think>\n\n')
    return end < 0 ? `<think>\n${'Hm. '.repeat(400)}` : `${answer.slice(0, end)}</think>\n\nYes.`
  }

  test.each([
    ['none is configured', [], 'edge; reason=no-origin'],
    ['the only one is not there', [{ url: NOWHERE }], 'edge-then-origin; reason=may-get-long'],
  ])('%s: the edge closes the reasoning and answers', async (_, origins, expected) => {
    const env = { EDGE_BUDGET_TOKENS: 20, EDGE_REASONING_TOKENS: 50 }
    const { choices, usage, route } = await ask(originApp({ model: new FakeModel(thinker), origins, env }))
    expect([choices[0].message.content, choices[0].finish_reason, route]).toEqual(['Yes.', 'stop', expected])
    expect(usage.nanbeige.origin_tokens).toBe(0)
    expect(usage.completion_tokens_details.reasoning_tokens).toBeLessThan(20 + 50 + 10)
  })

  test('a context too small for the thoughts still gets an answer', async () => {
    const app = originApp({ model: new FakeModel(thinker, 200), origins: [], env: {} })
    for (const change of [{}, { reasoning_effort: 'high' }]) {
      expect(message(await ask(app, change))).toMatchObject({ content: 'Yes.', finish_reason: 'stop' })
    }
  })

  test('in mid-stream: the edge goes on from there', async () => {
    const origin = await originOf(LONG, { beforeToken: () => setTimeout(1) })
    const proxy = await startFaultProxy(origin.url)
    stops.push(() => proxy.stop())
    // /v1/models, the probes of the tokenizer, then the answer.
    const app = originApp({
      model: new FakeModel(LONG),
      origins: [{ url: proxy.url }],
      env: { EDGE_BUDGET_TOKENS: 2000 },
    })
    const warm = await ask(app, { model: 'fake-model:origin', max_tokens: 1 })
    expect(warm.usage.nanbeige.origin_tokens).toBe(1)
    proxy.inject(...Array.from({ length: 4 }, (_, index) => ({ kind: 'cut', atByte: 2000 + index * 700 }) as const))
    const alone = await ask(fakeApp(fakeChat(new FakeModel(LONG))))
    const { usage, ...rest } = await ask(app, { model: 'fake-model:origin' })
    expect(message({ usage, ...rest })).toEqual(message(alone))
    expect(usage.completion_tokens).toBe(alone.usage.completion_tokens)
    expect(usage.nanbeige.edge_tokens + usage.nanbeige.origin_tokens).toBe(LENGTH)
  })

  test('what only an origin can hold is a 502, or the last event of a stream', async () => {
    const origin = await originOf('Yes.')
    const app = originApp({ model: new FakeModel('Yes.', 100), origins: [{ url: origin.url }] })
    const body = { messages: [{ role: 'user', content: 'x'.repeat(500) }] }
    const served = await ask(app, body)
    expect([served.route, served.choices[0].message.content]).toEqual(['origin; reason=prompt-exceeds-edge', 'Yes.'])
    await stops.pop()!()
    expect(await ask(app, body)).toMatchObject({ status: 502, error: { code: 'origins_failed', type: 'server_error' } })
    const other = originApp({ model: new FakeModel('Yes.', 100), origins: [{ url: origin.url }] })
    const events = await allEvents(await post(other, { ...HELLO, ...body, stream: true }))
    expect(JSON.parse(events.at(-1)!)).toMatchObject({ error: { code: 'origins_failed' } })
    // With an open circuit this is known before the response begins.
    expect(await (await app.request('/healthz')).json()).toMatchObject({ origins: [{ circuit: 'open' }] })
    const refused = await post(app, { ...HELLO, ...body, stream: true })
    expect([refused.status, await refused.json()]).toMatchObject([502, { error: { code: 'origins_failed' } }])
    expect((await ask(app)).route).toBe('edge; reason=origins-down')
  })

  test('are in /healthz with their changes, and in the log, without their key', async () => {
    const key = 'sk-a-very-secret-key'
    const server = createServer((request, response) =>
      response.writeHead(500).end(`You sent ${request.headers.authorization}.`),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => server.close(() => resolve())))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const errors = vi.spyOn(console, 'error').mockReturnValue()
    const app = originApp({
      model: new FakeModel('Yes.', 100),
      origins: [{ url, keySecret: 'THE_KEY' }],
      env: { THE_KEY: key },
    })
    const long = { ...HELLO, messages: [{ role: 'user', content: 'x'.repeat(500) }], model: 'fake-model:origin' }
    const answers: string[] = []
    for (let i = 0; i < 4; i++) {
      for (const stream of [true, false]) answers.push(await (await post(app, { ...long, stream })).text())
    }
    const health = await (await app.request('/healthz')).text()
    expect(JSON.parse(health)).toMatchObject({
      waiting: 0,
      origins: [
        {
          name: 'origin-0',
          circuit: 'open',
          lastFailure: 'server_error',
          changes: [
            { at: expect.any(String), event: 'origin_circuit', from: 'closed', to: 'open', cause: 'server_error' },
          ],
        },
      ],
    })
    expect(lines.join()).toContain('[secret]')
    expect([...answers, health, ...lines, JSON.stringify(errors.mock.calls)].join()).not.toContain(key)
  })

  test('with another tokenizer are given text, which /healthz says', async () => {
    const { url } = await originOf('Yes.', { tokenize: () => [1, 2, 3] })
    const app = originApp({ model: new FakeModel('Yes.'), origins: [{ url }] })
    expect(message(await ask(app, { model: 'fake-model:origin' }))).toMatchObject({ content: 'Yes.' })
    expect(await (await app.request('/healthz')).json()).toMatchObject({
      origins: [
        { mode: 'text', warning: expect.stringContaining('tokenizer'), changes: [{ event: 'origin_text_mode' }] },
      ],
    })
  })
})

describe('the edge’s queue', () => {
  /** A model that stands still until it is let go. */
  function held(script: string) {
    const model = new FakeModel(script)
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    model.beforeDecode = () => gate
    return { model, letGo }
  }

  test('is not for answers of an origin, which takes those that would wait', async () => {
    const { url } = await originOf('Yes.')
    const { model, letGo } = held('Yes.')
    const app = originApp({ model, origins: [{ url }] })
    const first = ask(app, { model: 'fake-model:edge' })
    await vi.waitFor(() => expect(model.sequences).toBe(1))
    expect((await ask(app, { model: 'fake-model:origin' })).route).toBe('origin; reason=asked-for')
    expect((await ask(app)).route).toBe('origin; reason=edge-busy')
    letGo()
    expect((await first).route).toBe('edge; reason=asked-for')
    expect((await ask(app)).route).toBe('edge-then-origin; reason=may-get-long')
  })

  test('refuses who cannot wait, unless an origin takes the request', async () => {
    const { url } = await originOf('Yes.')
    const { model, letGo } = held('Yes.')
    const app = originApp({ model, origins: [{ url }], queue: new GenerationQueue(1, 0) })
    const first = ask(app, { model: 'fake-model:edge' })
    await vi.waitFor(() => expect(model.sequences).toBe(1))
    const refused = await post(app, { ...HELLO, model: 'fake-model:edge' })
    expect([refused.status, refused.headers.has('Retry-After')]).toEqual([429, true])
    expect((await ask(app)).route).toBe('origin; reason=edge-busy')
    letGo()
    await first
  })

  test('is left while an origin goes on', async () => {
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    let made = 0
    const origin = await originOf(LONG, { beforeToken: async () => (++made > 3 ? gate : undefined) })
    const app = originApp({ model: new FakeModel(LONG), origins: [{ url: origin.url }], env: HAND_OVER })
    const first = ask(app)
    await vi.waitFor(() => expect(origin.made).toBe(3))
    await vi.waitFor(async () => expect(lines.join()).toContain('"handover"'))
    expect((await ask(app, { model: 'fake-model:edge', max_tokens: 3 })).usage.nanbeige.edge_tokens).toBe(3)
    letGo()
    expect((await first).usage.completion_tokens).toBe(LENGTH)
  })
})

describe('a client that goes away stops both', () => {
  const ENDLESS = 'It is so. '.repeat(350)

  test.each([
    ['edge-then-origin', {}],
    ['origin', { model: 'fake-model:origin' }],
  ])('%s', async (_, change) => {
    const origin = await originOf(ENDLESS)
    const model = new FakeModel(ENDLESS)
    const app = originApp({ model, origins: [{ url: origin.url }], env: HAND_OVER })
    const events = readEvents(await post(app, { ...HELLO, ...change, stream: true }))
    while (origin.made === 0) await events.next()
    await events.next()
    await events.return(undefined)
    await expectStopped(origin, ENDLESS.length)
    const { decoded } = model
    await setTimeout(30)
    expect(model.decoded).toBe(decoded)
    expect(model.released).toBe(model.sequences)
    expect(model.decoded).toBeLessThan(ENDLESS.length)
  })
})

// Answers that go round in circles, at the edge and at origins of every kind, and how they get out.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { type App, allEvents, HELLO, post } from '../support/fake-app.ts'
import { FakeModel, type Script } from '../support/fake-model.ts'
import type { FakeOrigin, FakeOriginOptions } from './fake-origin.ts'
import { originApp, startScriptedOrigin } from './origin-app.ts'

const CLOSE = '</think>\n\n'
const ROUND = 'So it is one of them. Or is it not? Let me see. '
const SAID = 'It is the second one, since the first has no end.'
const ENDLESS = ROUND.repeat(60)

/** Thinks in circles until its thinking is closed, and answers then. */
const circling: Script = (_, answer) => {
  const end = answer.indexOf(CLOSE)
  return end < 0 ? `<think>\n${ENDLESS}` : answer.slice(0, end) + CLOSE + SAID
}
/** Leaves the circle wherever it is. */
const leaving: Script = (_, answer) => {
  const thought = `<think>\n${ENDLESS}`
  const agrees = [...answer].findIndex((character, index) => character !== thought[index])
  return `${answer.slice(0, agrees < 0 ? answer.length : agrees)}\nAh, now I know.\n${CLOSE}${SAID}`
}

const origins: FakeOrigin[] = []
beforeEach(() => {
  vi.spyOn(console, 'log').mockReturnValue()
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const origin of origins.splice(0)) await origin.stop()
})

interface World {
  readonly edge?: Script
  readonly origin?: Script
  readonly kind?: OriginKind
  readonly options?: Partial<FakeOriginOptions>
  readonly env?: object
}

async function appOf({ edge = circling, origin, kind = 'vllm', options, env }: World): Promise<App> {
  const server = origin && (await startScriptedOrigin(origin, { kind, ...options }))
  if (server) origins.push(server)
  return originApp({
    model: new FakeModel(edge),
    origins: server ? [{ name: 'gpu', url: server.url, kind }] : [],
    // The loop comes before the budget is spent.
    env: { EDGE_BUDGET_TOKENS: 3000, EDGE_REASONING_TOKENS: 3000, ...env },
  })
}

interface Chunk {
  readonly choices: { delta: { content?: string; reasoning_content?: string }; finish_reason: string | null }[]
  readonly nanbeige?: { readonly event?: string; readonly rescue?: string; readonly tokens?: number }
  readonly usage?: { nanbeige: Record<string, unknown>; completion_tokens: number } | null
}

async function ask(app: App, body: object = {}) {
  const response = await post(app, { ...HELLO, stream: true, stream_options: { include_usage: true }, ...body })
  const events = await allEvents(response)
  expect(events.pop()).toBe('[DONE]')
  const chunks = events.map((data) => JSON.parse(data) as Chunk)
  const text = (name: 'content' | 'reasoning_content') =>
    chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta[name] ?? '')).join('')
  return {
    content: text('content'),
    reasoning: text('reasoning_content'),
    told: chunks.flatMap(({ nanbeige }) => nanbeige ?? []),
    finish: chunks.flatMap(({ choices }) => choices).at(-1)!.finish_reason,
    usage: chunks.at(-1)!.usage!,
  }
}

test('a thought that goes round in circles at the edge is closed, and the answer follows', async () => {
  const { content, reasoning, told, finish, usage } = await ask(await appOf({}))
  expect([content, finish]).toEqual([SAID, 'stop'])
  expect(ENDLESS).toContain(reasoning)
  // Two rounds, and no more than 200 tokens, which are characters here.
  expect(reasoning.length).toBeLessThan(2 * ROUND.length + 200)
  expect(told[1]).toEqual({ event: 'rescued', index: 0, tokens: expect.any(Number), rescue: 'answer' })
  expect(usage.nanbeige).toMatchObject({ route: 'edge', rescued: 'answer', origin_tokens: 0 })
})

test('without a stream the usage tells it', async () => {
  const response = await post(await appOf({}), HELLO)
  const { choices, usage } = (await response.json()) as { choices: { message: object }[]; usage: object }
  expect(choices[0].message).toMatchObject({ content: SAID })
  expect(usage).toMatchObject({ nanbeige: { rescued: 'answer' } })
})

describe.each(['vllm', 'sglang', 'llama-server', 'openai'] as const)('with a %s', (kind) => {
  test('an origin goes on from the very token', async () => {
    const { content, reasoning, told, finish, usage } = await ask(await appOf({ kind, origin: leaving }))
    expect([content, finish]).toEqual([SAID, 'stop'])
    expect(reasoning).toMatch(/Ah, now I know\.$/)
    expect(ENDLESS).toContain(reasoning.slice(0, reasoning.indexOf('\n')))
    const edge_tokens = usage.nanbeige.edge_tokens as number
    expect(told).toMatchObject([
      { source: 'edge', reason: 'may-get-long' },
      { event: 'rescued', rescue: 'origin', tokens: edge_tokens },
      { event: 'moving' },
      { source: 'origin', origin: 'gpu', reason: 'loop', edge_tokens },
    ])
    expect(usage.nanbeige).toMatchObject({ route: 'edge-then-origin', rescued: 'origin' })
  })

  test('one that goes on in circles has the thought closed', async () => {
    const { content, told, usage } = await ask(await appOf({ kind, origin: circling }))
    expect(content).toBe(SAID)
    const rescues = told.flatMap(({ rescue, tokens }) => (rescue ? [{ rescue, tokens: tokens! }] : []))
    expect(rescues.map(({ rescue }) => rescue)).toEqual(['origin', 'answer'])
    // Of text the watch has to begin anew.
    expect(rescues[1].tokens - rescues[0].tokens).toBeLessThan(kind === 'openai' ? 400 : 150)
    expect(usage.nanbeige).toMatchObject({ rescued: 'answer' })
  })

  test('and so from its start', async () => {
    const { content, told, usage } = await ask(await appOf({ kind, origin: circling }), { model: 'fake-model:origin' })
    expect(content).toBe(SAID)
    expect(told.map(({ rescue }) => rescue)).toContain('answer')
    expect(usage.nanbeige).toMatchObject({ edge_tokens: 0, rescued: 'answer' })
  })
})

test('an origin that is lost at once leaves the thought to be closed at the edge', async () => {
  const options = { beforeToken: () => Promise.reject(new Error('lost')) }
  const { content, told, usage } = await ask(await appOf({ origin: circling, options }))
  expect(content).toBe(SAID)
  expect(told.map(({ event, rescue }) => rescue ?? event).filter(Boolean)).toEqual([
    'origin',
    'moving',
    'recovered',
    'answer',
  ])
  expect(usage.nanbeige).toMatchObject({ origin_tokens: 0, rescued: 'answer' })
})

describe('an answer that goes round in circles itself', () => {
  const speaking: Script = () => ENDLESS

  test('is ended when it has said the same for long, as if there were no more room', async () => {
    const { content, told, finish, usage } = await ask(await appOf({ edge: speaking }))
    expect(ENDLESS.startsWith(content)).toBe(true)
    expect(content.length).toBeGreaterThan(960)
    expect(content.length).toBeLessThan(1200)
    expect([told.at(-1), finish]).toMatchObject([{ event: 'rescued', rescue: 'end' }, 'length'])
    expect(usage.nanbeige.rescued).toBe('end')
  })

  test('goes to an origin first', async () => {
    const { told, finish } = await ask(await appOf({ edge: speaking, origin: speaking }))
    expect(told.flatMap(({ rescue }) => rescue ?? [])).toEqual(['origin', 'end'])
    expect(finish).toBe('length')
  })

  test('is incomplete for other APIs too', async () => {
    const app = await appOf({ edge: speaking })
    const asked = async (path: string, body: object) => {
      const headers = { 'Content-Type': 'application/json' }
      const init = { method: 'POST', headers, body: JSON.stringify({ model: 'fake-model', ...body }) }
      return (await app.request(path, init)).json()
    }
    expect(await asked('/v1/responses', { input: 'Hello?' })).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { nanbeige: { rescued: 'end' } },
    })
    expect(await asked('/v1/messages', { messages: HELLO.messages, max_tokens: 4000 })).toMatchObject({
      stop_reason: 'max_tokens',
      usage: { nanbeige: { rescued: 'end' } },
    })
  })
})

describe('is let alone', () => {
  const row = '{"a": [0, 0, 0, 0, 0, 0, 0, 0]}, '
  const list = `[${row.repeat(50)}{"a": []}]`
  const grammar = {
    response_format: { type: 'json_schema', json_schema: { name: 'list', strict: true, schema: { type: 'array' } } },
  }
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
  const call = `<tool_call>\n{"name": "f", "arguments": {"list": ${list}}}\n</tool_call>`
  test.each<[string, Script, object, object]>([
    ['whatever it is, where the variable says so', () => ENDLESS, {}, { EDGE_LOOP_RESCUE: 'off' }],
    ['what has to get long', () => ENDLESS, { min_tokens: 10 }, {}],
    ['what a grammar holds', () => list, grammar, {}],
    ['a call', () => call, { tools }, {}],
  ])('%s', async (_, edge, body, env) => {
    const { told, usage } = await ask(await appOf({ edge, env }), { max_tokens: 1600, ...body })
    expect(told.flatMap(({ rescue }) => rescue ?? [])).toEqual([])
    expect(usage.completion_tokens).toBe(1600)
  })

  test('a text that goes on', async () => {
    const prompt = '<|im_start|>user\nHello?<|im_end|>\n<|im_start|>assistant\n'
    const app = await appOf({ edge: () => ENDLESS })
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' } }
    const response = await app.request('/v1/completions', {
      ...init,
      body: JSON.stringify({ prompt, max_tokens: 1600 }),
    })
    expect(await response.json()).toMatchObject({ usage: { completion_tokens: 1600 } })
  })

  test('but not the thought before what a grammar holds', async () => {
    const thinking: Script = (prompt, answer) => {
      const text = circling(prompt, answer)
      return text.replace(SAID, '[1]')
    }
    const { content, usage } = await ask(await appOf({ edge: thinking }), grammar)
    expect([content, usage.nanbeige.rescued]).toEqual(['[1]', 'answer'])
  })
})

test('a variable that says neither on nor off is told', async () => {
  const response = await post(await appOf({ env: { EDGE_LOOP_RESCUE: 'maybe' } }), HELLO)
  expect(await response.json()).toMatchObject({
    error: { code: 'edge_limits_invalid', message: expect.stringContaining("Set it to 'on' or 'off'") },
  })
})

// Whole answers held to grammars, between an edge and origins on loopback that hold to the grammars they are sent.
import { afterEach, describe, expect, test } from 'vitest'
import { type ChatRequest, complete } from '../../src/chat/complete.ts'
import type { ChatEvent } from '../../src/chat/events.ts'
import { GenerationQueue } from '../../src/generate/queue.ts'
import { createRandom } from '../../src/generate/random.ts'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { openOrigins } from '../../src/origin/origins.ts'
import { readEdgeLimits } from '../../src/route/limits.ts'
import { QUESTION } from '../support/fake-chat.ts'
import { EOS_ID, FakeModel, fakeChat } from '../support/fake-model.ts'
import { configs } from './collect.ts'
import { type FakeOrigin, startFakeOrigin } from './fake-origin.ts'
import { heldTokens, wholeTokens } from './held-origin.ts'

const started: FakeOrigin[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((origin) => origin.stop()))
})

const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    ages: { type: 'array', items: { type: 'integer', minimum: 0, maximum: 120 }, minItems: 1, maxItems: 3 },
  },
  required: ['name', 'ages'],
  additionalProperties: false,
}
const TOOLS = [{ type: 'function', function: { name: 'save', parameters: SCHEMA, strict: true } }]
const REASONING = '<think>Let me see, {who} is it.</think>\n\n'

const chatOf = (script: string) => fakeChat(new FakeModel(script, 2000))
const { tokenizer } = chatOf('')
const whole = wholeTokens(tokenizer)
const letters = tokenizer.encode('abc {}"\n')
const [opening, closing] = tokenizer.encode('<think></think>')

interface Setting {
  readonly kind: OriginKind
  readonly script: string
  readonly request: Partial<ChatRequest>
  readonly budgetTokens: number
  readonly seed: number
  readonly rudeness?: number
}

async function answer({ kind, script, request, budgetTokens, seed, rudeness }: Setting) {
  const chat = chatOf(script)
  const { grammars } = chat
  const held = { grammars, eosId: EOS_ID, whole, bytes: (id: number) => tokenizer.bytes(id) }
  const origin = await startFakeOrigin({
    ...{ kind, model: 'letters', tokenizer, eosId: EOS_ID, next: () => EOS_ID },
    nextFor: heldTokens({ ...held, free: [...letters, closing], opening, rudeness }, seed),
  })
  started.push(origin)
  const log: Record<string, unknown>[] = []
  const origins = await openOrigins(configs({ url: origin.url, kind }), { tokenizer, log: (entry) => log.push(entry) })
  const limits = { ...readEdgeLimits({}), budgetTokens }
  const service = { origins, limits, queue: new GenerationQueue(), log: (entry: object) => log.push({ ...entry }) }
  const events: ChatEvent[] = []
  const asked = { ...QUESTION, maxTokens: 400, ...request, sampling: { temperature: 0 } }
  for await (const event of complete(chat, asked, new AbortController().signal, service)) events.push(event)
  const finish = events.find((event) => event.type === 'finish')!
  const textOf = (type: 'content' | 'reasoning') =>
    events.map((event) => (event.type === type ? event.text : '')).join('')
  const argumentsOf = (call: number) =>
    events.map((event) => (event.type === 'toolCallArguments' && event.index === call ? event.text : '')).join('')
  return {
    log,
    origin,
    finish,
    content: textOf('content'),
    reasoning: textOf('reasoning'),
    args: events.flatMap((event) => (event.type === 'toolCall' ? [argumentsOf(event.index)] : [])),
  }
}

function expectPerson(text: string): void {
  const { name, ages, ...others } = JSON.parse(text)
  expect([typeof name, [...name].length <= 12 || text, others]).toEqual(['string', true, {}])
  expect(ages.length >= 1 && ages.length <= 3 && ages.every((age: number) => age >= 0 && age <= 120)).toBe(true)
}

const grammarOf = ({ bodies }: FakeOrigin) =>
  bodies.map(({ structured_outputs: held }) => (held as { grammar: string } | undefined)?.grammar)

describe('an answer to a schema', () => {
  const request: Partial<ChatRequest> = { constraint: { kind: 'schema', schema: SCHEMA, strict: true } }

  test('is valid wherever it moves, from a well-behaved origin and from one that is not', async () => {
    const random = createRandom(5)
    const moved = { free: 0, whole: 0, inside: 0, refused: 0 }
    for (let seed = 0; seed < 60; seed++) {
      const { content, finish, origin, log } = await answer({
        kind: 'vllm',
        script: `${seed % 3 === 0 ? '' : REASONING}{"name": "Ada Lovelace", "ages": [36, 12]}`,
        request: { ...request, reasoningBudget: seed % 3 === 0 ? undefined : 5 + Math.floor(random() * 20) },
        budgetTokens: 1 + Math.floor(random() * 60),
        seed,
        rudeness: seed % 2 === 0 ? 0 : 0.05,
      })
      expect(finish.reason).toBe('stop')
      expectPerson(content)
      const grammars = grammarOf(origin)
      if (grammars.includes(undefined)) moved.free++
      if (grammars.some((grammar) => grammar?.includes('name'))) moved.whole++
      if (grammars.some((grammar) => grammar !== undefined && !grammar.includes('name'))) moved.inside++
      if (log.some(({ code }) => code === 'grammar_broken')) moved.refused++
    }
    expect(Math.min(...Object.values(moved))).toBeGreaterThan(3)
  })

  test('an origin is asked anew behind the reasoning, with the grammar of all the answer', async () => {
    const { content, reasoning, origin, finish } = await answer({
      ...{ kind: 'vllm', script: REASONING, budgetTokens: 3, seed: 1 },
      request: { ...request, wish: 'origin', reasoningBudget: 12 },
    })
    expectPerson(content)
    expect(reasoning).not.toBe('')
    expect(finish.usage.edgeTokens).toBe(0)
    const held = origin.bodies.filter(({ structured_outputs }) => structured_outputs)
    expect(held.length).toBe(1)
    const { prompt } = held[0] as { prompt: number[] }
    expect(prompt.slice(-3)).toEqual(tokenizer.encode('</think>\n\n'))
  })

  test('an origin that takes text reasons, and the edge answers', async () => {
    const { content, reasoning, origin, finish } = await answer({
      ...{ kind: 'openai', script: `${REASONING}{"name": "Ada", "ages": [1]}`, budgetTokens: 3, seed: 1 },
      request: { ...request, wish: 'origin', reasoningBudget: 12 },
    })
    expect(JSON.parse(content)).toEqual({ name: expect.any(String), ages: expect.any(Array) })
    expectPerson(content)
    expect(reasoning).not.toBe('')
    expect(origin.bodies.length).toBeGreaterThan(0)
    expect(finish.usage.originTokens).toBeGreaterThan(0)
    expect(finish.usage.edgeTokens).toBeGreaterThan(0)
  })
})

describe('a tool call', () => {
  test.each<[string, Partial<ChatRequest>]>([
    ['required', { tools: TOOLS, toolChoice: 'required', parallelToolCalls: false }],
    ['named', { tools: TOOLS, toolChoice: { names: ['save'], required: true }, parallelToolCalls: false }],
    ['required, with others beside it', { tools: TOOLS, toolChoice: 'required' }],
    ['strict, as the model likes', { tools: TOOLS }],
  ])('%s', async (_, request) => {
    const random = createRandom(7)
    let moved = 0
    for (let seed = 0; seed < 30; seed++) {
      const { args, content, finish, origin } = await answer({
        kind: 'vllm',
        script: `${REASONING}<tool_call>\n{"name": "save", "arguments": {"name": "Ada Lovelace", "ages": [36]}}\n</tool_call>`,
        request: { ...request, reasoningBudget: 40 },
        budgetTokens: 20 + Math.floor(random() * 100),
        seed,
      })
      if (grammarOf(origin).some((grammar) => grammar !== undefined)) moved++
      // Where an origin has reasoned and is free to call, it may as well not.
      if (request.toolChoice) expect([finish.reason, content.trim()]).toEqual(['tool_calls', ''])
      if (finish.reason === 'tool_calls') for (const text of args) expectPerson(text)
    }
    expect(moved).toBeGreaterThan(5)
  })
})

// POST /v1/chat/completions/ID/answer: whoever reads a stream wants the answer now.
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { type App, HELLO, post, readEvents } from '../support/fake-app.ts'
import { FakeModel } from '../support/fake-model.ts'
import type { FakeOrigin } from './fake-origin.ts'
import { originApp, startScriptedOrigin } from './origin-app.ts'

const random = createRandom(7)
/** Thoughts without an end that never repeat. */
const THOUGHTS = Array.from({ length: 400 }, () => Math.floor(random() * 1e6).toString(36)).join(' ')
const SAID = 'Well, it is so, as far as I can see from here. '
const OPEN = '<think>\n'
const CLOSE = '</think>\n\n'

/** Thinks for ever; answers when its thinking is closed. */
const thinker = (_: string, answer: string) => {
  const end = answer.indexOf(CLOSE)
  return end < 0 ? OPEN + THOUGHTS : answer.slice(0, end) + CLOSE + SAID
}

const origins: FakeOrigin[] = []
beforeEach(() => {
  vi.spyOn(console, 'log').mockReturnValue()
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const origin of origins.splice(0)) await origin.stop()
})

interface Chunk {
  readonly id: string
  readonly choices: {
    readonly index: number
    readonly delta: { content?: string; reasoning_content?: string; tool_calls?: unknown[] }
    readonly finish_reason: string | null
  }[]
  readonly nanbeige?: { source?: string }
  readonly usage?: { readonly completion_tokens_details: { readonly reasoning_tokens: number } } | null
}

async function appOf(script: typeof thinker, kind?: OriginKind, route = 'edge-then-origin') {
  const origin = kind && (await startScriptedOrigin(script, { kind, beforeToken: () => setTimeout(2) }))
  if (origin) origins.push(origin)
  const model = new FakeModel(script)
  model.beforeDecode = () => setTimeout(2)
  const budget = route === 'edge' ? 10_000 : 20
  return originApp({
    model,
    origins: origin ? [{ url: origin.url, kind }] : [],
    env: { EDGE_BUDGET_TOKENS: budget, EDGE_REASONING_TOKENS: 10_000 },
  })
}

const answerNow = async (app: App, id: string) => {
  const response = await app.request(`/v1/chat/completions/${id}/answer`, { method: 'POST' })
  return { status: response.status, body: (await response.json()) as { id: string; answering: boolean } }
}

/** Reads a stream, and does something after some chunk of it. */
async function read(app: App, body: object, after: (chunk: Chunk, count: number) => Promise<unknown>) {
  const response = await post(app, { ...HELLO, stream: true, stream_options: { include_usage: true }, ...body })
  const chunks: Chunk[] = []
  for await (const data of readEvents(response)) {
    if (data === '[DONE]') break
    chunks.push(JSON.parse(data))
    await after(chunks.at(-1)!, chunks.length)
  }
  const texts = (name: 'content' | 'reasoning_content', answer = 0) =>
    chunks
      .flatMap(({ choices }) => choices)
      .map(({ index, delta }) => (index === answer ? (delta[name] ?? '') : ''))
      .join('')
  return { chunks, content: texts('content'), reasoning: texts('reasoning_content'), texts }
}

/** Asks for the answer once the stream has as many chunks, from that source where one is named. */
function asking(app: App, atLeast: number, from?: string) {
  let source: string | undefined
  let asked: Promise<{ body: { answering: boolean } }> | undefined
  return {
    async after(chunk: Chunk, count: number) {
      source = chunk.nanbeige?.source ?? source
      if (!asked && count >= atLeast && (!from || from === source)) asked = answerNow(app, chunk.id)
      await asked
    },
    get answer() {
      return asked
    },
  }
}

describe.each([
  ['at the edge', undefined, 'edge', undefined],
  ['at a vLLM', 'vllm', 'origin', 'origin'],
  ['at an SGLang', 'sglang', 'origin', 'origin'],
  ['at a llama-server', 'llama-server', 'origin', 'origin'],
  ['at an origin of text', 'openai', 'origin', 'origin'],
  ['while the edge waits for an origin', 'vllm', 'edge-then-origin', 'edge'],
] as const)('%s', (_, kind, route, source) => {
  test('the thinking ends, and the answer follows in the same stream', async () => {
    const app = await appOf(thinker, kind, route)
    const asked = asking(app, 30, source)
    const { content, reasoning, chunks } = await read(app, {}, asked.after)
    expect(await asked.answer).toMatchObject({ status: 200, body: { id: chunks[0].id, answering: true } })
    expect(content).toBe(SAID)
    const sources = chunks.flatMap(({ nanbeige }) => (nanbeige?.source ? [nanbeige] : []))
    const moved = kind ? [{ source: 'origin', origin: 'origin-0', reason: 'budget' }] : []
    expect(sources).toMatchObject([{ source: 'edge' }, ...moved])
    expect(THOUGHTS).toContain(reasoning)
    expect(reasoning.length).toBeLessThan(THOUGHTS.length / 4)
    expect(chunks.flatMap(({ choices }) => choices).at(-1)!.finish_reason).toBe('stop')
    // Its tags, and the newlines that a spent budget puts around the second.
    const { reasoning_tokens } = chunks.at(-1)!.usage!.completion_tokens_details
    expect(reasoning_tokens).toBe(`\n${reasoning}\n\n\n`.length + 2)
  })
})

test('before the first token there is no thinking at all', async () => {
  const app = await appOf(thinker)
  const asked = asking(app, 1)
  const { content, reasoning } = await read(app, {}, asked.after)
  expect([content, reasoning, (await asked.answer)!.body.answering]).toEqual([SAID, '', true])
})

test('behind the thinking nothing changes', async () => {
  const script = () => `${OPEN}Hm.\n${CLOSE}${SAID}`
  const app = await appOf(script)
  const answers: boolean[] = []
  const { content, reasoning } = await read(app, {}, async ({ id, choices }) => {
    if (choices[0]?.delta.content) answers.push((await answerNow(app, id)).body.answering)
  })
  expect([content, reasoning, answers.includes(true)]).toEqual([SAID, 'Hm.', false])
  expect(answers.length).toBeGreaterThan(5)
})

test('in a tool call, and in an answer of a model that does not think, nothing changes', async () => {
  const call = '<tool_call>\n{"name": "f", "arguments": {"a": "a long argument, and longer still"}}\n</tool_call>'
  const app = await appOf(() => call)
  const answers: boolean[] = []
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
  const { chunks } = await read(app, { tools }, async ({ id, choices }) => {
    if (choices[0]?.delta.tool_calls) answers.push((await answerNow(app, id)).body.answering)
  })
  expect(answers.length).toBeGreaterThan(5)
  expect(answers).not.toContain(true)
  expect(chunks.flatMap(({ choices }) => choices).at(-1)!.finish_reason).toBe('tool_calls')
})

test('of several answers all end their thinking, those to come among them', async () => {
  const app = await appOf(thinker)
  const asked = asking(app, 30)
  const { texts } = await read(app, { n: 2 }, asked.after)
  expect([0, 1].map((answer) => texts('content', answer))).toEqual([SAID, SAID])
  expect(texts('reasoning_content', 0).length).toBeGreaterThan(10)
  expect(texts('reasoning_content', 1)).toBe('')
})

test('what has ended, and what is not there', async () => {
  const app = await appOf(() => SAID)
  const headers = { 'Content-Type': 'application/json', 'x-nanbeige-resumable': '1' }
  const response = await post(app, { ...HELLO, stream: true }, { headers })
  const [first] = (await response.text()).match(/(?<=^data: ).*$/m)!
  const { id } = JSON.parse(first)
  expect((await answerNow(app, id)).body).toEqual({ id, answering: false })
  expect(await answerNow(app, 'chatcmpl-1')).toMatchObject({
    status: 404,
    body: { error: { code: 'completion_not_found' } },
  })
  const wrong = await app.request('/v1/chat/completions/chatcmpl-1/answer')
  expect([wrong.status, await wrong.json()]).toMatchObject([405, { error: { code: 'method_not_allowed' } }])
})

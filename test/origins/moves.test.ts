// What a stream tells of an answer that moves: from the edge to an origin, and back where that is lost.
import { setTimeout } from 'node:timers/promises'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeModel } from '../support/fake-model.ts'
import { listen } from '../support/listen.ts'
import type { FakeOriginOptions } from './fake-origin.ts'
import { originApp, startScriptedOrigin } from './origin-app.ts'

const SAID = 'It is so. '.repeat(80)
const ANSWER = `<think>\n${'Hm, grüße, 好的, 😀. '.repeat(3)}\n</think>\n\n${SAID}`
const BUDGET = 20

const stops: (() => Promise<void>)[] = []
beforeEach(() => {
  vi.spyOn(console, 'log').mockReturnValue()
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function start(options: Partial<FakeOriginOptions> = {}, edgeMs = 0) {
  const origin = await startScriptedOrigin(ANSWER, options)
  const model = new FakeModel(ANSWER)
  if (edgeMs > 0) model.beforeDecode = () => setTimeout(edgeMs)
  const app = originApp({
    model,
    origins: [{ name: 'gpu', url: origin.url, timers: { idleMs: 1000 } }],
    env: { EDGE_BUDGET_TOKENS: BUDGET },
  })
  const server = await listen(app)
  stops.push(origin.stop, server.stop)
  return { url: server.url, openai: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 }) }
}

/** Breaks every response off after so many tokens of all. */
function lostAfter(tokens: number): Partial<FakeOriginOptions> {
  let made = 0
  return {
    async beforeToken() {
      await new Promise(setImmediate)
      if (++made > tokens) throw new Error('lost')
    },
  }
}

/** Until it is let go, the origin gives no first token. */
function heldBack() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { options: { beforeToken: () => promise }, letGo: resolve }
}

const question = { model: 'fake-model', messages: [{ role: 'user' as const, content: 'Hello?' }] }
type Told = { choices: { delta?: object; text?: string }[]; nanbeige?: Record<string, unknown>; usage?: unknown }

async function chunksOf(stream: AsyncIterable<unknown>): Promise<Told[]> {
  const chunks: Told[] = []
  for await (const chunk of stream) chunks.push(chunk as Told)
  return chunks
}
const told = (chunks: readonly { nanbeige?: object }[]) => chunks.flatMap(({ nanbeige }) => nanbeige ?? [])
const AT_EDGE = { source: 'edge', reason: 'may-get-long', edge_tokens: 0 }

describe('chat completions', () => {
  test('tell where the first token comes from, and at the first of another source who made it and why', async () => {
    const { openai } = await start()
    const stream = await openai.chat.completions.create({
      ...question,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = await chunksOf(stream)
    const { edge_tokens } = (chunks.at(-1)!.usage as { nanbeige: { edge_tokens: number } }).nanbeige
    expect(told(chunks)).toEqual([AT_EDGE, { source: 'origin', origin: 'gpu', reason: 'budget', edge_tokens }])
    // With text, not before it.
    for (const { nanbeige, choices } of chunks) if (nanbeige) expect(choices[0].delta).not.toEqual({})
  })

  test('of the edge alone say so once', async () => {
    const { openai } = await start()
    const stream = await openai.chat.completions.create({ ...question, model: 'fake-model:edge', stream: true })
    expect(told(await chunksOf(stream))).toEqual([{ ...AT_EDGE, reason: 'asked-for' }])
  })

  test.each([true, false])(
    'tell that the origin is lost and the edge goes on, without a choice to who knows such chunks: %s',
    async (include_usage) => {
      const { openai } = await start(lostAfter(300))
      const stream = await openai.chat.completions.create({
        ...question,
        stream: true,
        stream_options: { include_usage },
      })
      const chunks = await chunksOf(stream)
      const [, moved, lost, back] = told(chunks) as Record<string, unknown>[]
      expect(moved).toMatchObject({ source: 'origin', origin: 'gpu' })
      expect(lost).toEqual({ event: 'recovered', index: 0, tokens: expect.any(Number), reason: 'origin-failed' })
      expect(lost.tokens).toBeGreaterThan(moved.edge_tokens as number)
      expect(back).toEqual({ source: 'edge', reason: 'origin-failed', edge_tokens: moved.edge_tokens })
      const chunk = chunks.find(({ nanbeige }) => nanbeige?.event === 'recovered')!
      expect(chunk.choices).toMatchObject(include_usage ? [] : [{ index: 0, delta: {}, finish_reason: null }])
      const text = chunks.map(({ choices }) => (choices[0]?.delta as { content?: string })?.content ?? '').join('')
      expect(text).toBe(SAID)
    },
  )

  test('tell that the origin is waited for, while there is nothing to say', async () => {
    const { options, letGo } = heldBack()
    const { openai } = await start(options, 20)
    const stream = await openai.chat.completions.create({ ...question, stream: true })
    const chunks: Told[] = []
    for await (const chunk of stream) {
      chunks.push(chunk as unknown as Told)
      if (chunks.at(-1)!.nanbeige?.event === 'moving') letGo()
    }
    const events = told(chunks) as Record<string, unknown>[]
    expect(events).toMatchObject([AT_EDGE, { event: 'moving', index: 0 }, { source: 'origin', reason: 'budget' }])
    expect(events[1].tokens).toBe(events[2].edge_tokens)
  })

  test('of several answers tell it of each', async () => {
    const { openai } = await start()
    const stream = await openai.chat.completions.create({ ...question, stream: true, n: 2 })
    const events = told(await chunksOf(stream))
    const fromOrigin = { source: 'origin', origin: 'gpu', reason: 'several-answers', edge_tokens: 0 }
    expect(events).toEqual([fromOrigin, fromOrigin])
  })
})

test('text completions tell the same', async () => {
  const { openai } = await start()
  const prompt = '<|im_start|>user\nHello?<|im_end|>\n<|im_start|>assistant\n'
  const stream = await openai.completions.create({ model: 'fake-model', prompt, max_tokens: 300, stream: true })
  expect(told(await chunksOf(stream))).toMatchObject([AT_EDGE, { source: 'origin', origin: 'gpu', reason: 'budget' }])
})

test('responses tell the same in their own events, which the official client reads', async () => {
  const { openai } = await start(lostAfter(300))
  const stream = openai.responses.stream({ model: 'fake-model', input: 'Hello?' })
  const events: { type: string; sequence_number: number; nanbeige?: Record<string, unknown> }[] = []
  for await (const event of stream) events.push(event as never)
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index))
  expect(told(events)).toMatchObject([
    AT_EDGE,
    { source: 'origin', origin: 'gpu', reason: 'budget' },
    { event: 'recovered', reason: 'origin-failed' },
    { source: 'edge', reason: 'origin-failed' },
  ])
  expect((await stream.finalResponse()).output_text).toBe(SAID)
})

test('messages tell the same in their own events, which the official client lets pass', async () => {
  const { url } = await start(lostAfter(300))
  const body = { ...question, max_tokens: 4000, stream: true as const }
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch(`${url}/v1/messages`, { method: 'POST', headers, body: JSON.stringify(body) })
  const events = (await response.text()).match(/(?<=^data: ).*$/gm)!.map((data) => JSON.parse(data))
  expect(told(events)).toMatchObject([
    AT_EDGE,
    { source: 'origin', origin: 'gpu', reason: 'budget' },
    { event: 'recovered', reason: 'origin-failed' },
    { source: 'edge', reason: 'origin-failed' },
  ])
  const { url: again } = await start(lostAfter(300))
  const anthropic = new Anthropic({ baseURL: again, apiKey: 'none', maxRetries: 0 })
  const message = await anthropic.messages.stream({ ...question, max_tokens: 4000 }).finalMessage()
  expect(message.content.at(-1)).toMatchObject({ type: 'text', text: SAID })
})

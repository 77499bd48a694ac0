// The real llama-server thinks, and is made to answer: by whoever reads, and out of a loop.
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { decode } from '../../src/tokenizer/detokenizer.ts'
import { type App, post, readEvents } from '../support/fake-app.ts'
import { llamaServerMissing, startLlamaServer } from './llama-server.ts'
import { originApp } from './origin-app.ts'
import { type RealServer, SERVED_MODEL } from './real-server.ts'
import { slowModel } from './slow-model.ts'
import { loadTaggedChats } from './tagged-model.ts'

/** Slower than the origin, in ms. */
const EDGE_INTERVAL_MS = 100
const ANSWER_TOKENS = 20

const missing = llamaServerMissing()

// With a template that opens the thinking, which SmolLM2 never closes.
describe.skipIf(missing)('the real llama-server', () => {
  let server: RealServer
  let chat: ChatModel
  beforeAll(async () => {
    const { gguf, chats } = await loadTaggedChats()
    chat = chats[1]
    server = await startLlamaServer({ gguf })
    vi.spyOn(console, 'log').mockReturnValue()
  }, 120_000)
  afterAll(async () => {
    await server?.stop()
    vi.restoreAllMocks()
  })

  /** The prompts that it was asked with. */
  const asked: number[][] = []
  const fetched = globalThis.fetch
  afterEach(() => {
    globalThis.fetch = fetched
    asked.length = 0
  })

  function appOf(env: Record<string, unknown>): App {
    globalThis.fetch = (url, init) => {
      const { prompt } = JSON.parse(String(init?.body ?? '{}')) as { prompt?: number[] }
      if (Array.isArray(prompt)) asked.push(prompt)
      return fetched(url, init)
    }
    return originApp({
      model: chat.language,
      chat: { ...chat, language: slowModel(chat.language, EDGE_INTERVAL_MS) },
      origins: [{ name: 'real', kind: server.kind, url: server.url, model: SERVED_MODEL }],
      env,
    })
  }

  interface Chunk {
    readonly id: string
    readonly choices: { delta: { content?: string; reasoning_content?: string } }[]
    readonly nanbeige?: { source?: string; rescue?: string }
    readonly usage?: { completion_tokens: number; nanbeige: { origin_tokens: number; rescued?: string } } | null
  }

  async function ask(app: App, body: object, after: (chunk: Chunk) => Promise<unknown> = async () => {}) {
    const response = await post(app, {
      messages: [{ role: 'user', content: 'Tell me a long story about the sea.' }],
      ...{ temperature: 0, stream: true, stream_options: { include_usage: true }, ...body },
    })
    const chunks: Chunk[] = []
    for await (const data of readEvents(response)) {
      if (data === '[DONE]') break
      chunks.push(JSON.parse(data))
      await after(chunks.at(-1)!)
    }
    const text = (name: 'content' | 'reasoning_content') =>
      chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta[name] ?? '')).join('')
    return { content: text('content'), reasoning: text('reasoning_content'), chunks, usage: chunks.at(-1)!.usage! }
  }

  /** Without an end token it goes on. */
  const unending = () => ({ logit_bias: { [chat.eosIds[0]]: -100 } })

  /** The answer is what the server says after the thinking that was closed, and exactly that. */
  async function expectAnswered(content: string) {
    const prompt = asked.at(-1)!
    expect(decode(chat.tokenizer, prompt.slice(-6))).toMatch(/\n<\/think>\n\n$/)
    const { ids } = await server.answer(prompt, ANSWER_TOKENS, chat.eosIds)
    const said = decode(chat.tokenizer, ids).replace(/^\n+/, '')
    expect(content.length).toBeGreaterThan(20)
    expect(content.startsWith(said) || said.startsWith(content)).toBe(true)
  }

  test('answers at once, when whoever reads wants it to', async () => {
    const app = appOf({ EDGE_BUDGET_TOKENS: 8, EDGE_LOOP_RESCUE: 'off' })
    let fromOrigin = 0
    let answering: unknown
    const { content, reasoning, usage } = await ask(
      app,
      { max_tokens: 120, ...unending() },
      async ({ id, nanbeige, choices }) => {
        if (nanbeige?.source === 'origin' || fromOrigin > 0) fromOrigin += choices.length
        if (fromOrigin < 8 || answering) return
        const response = await app.request(`/v1/chat/completions/${id}/answer`, { method: 'POST' })
        answering = ((await response.json()) as { answering: boolean }).answering
        await setTimeout(0)
      },
    )
    expect([answering, usage.nanbeige.rescued]).toEqual([true, undefined])
    expect(reasoning.length).toBeGreaterThan(20)
    await expectAnswered(content)
  })

  test('answers out of a loop that it has fallen into', async () => {
    const { content, chunks, usage } = await ask(appOf({ EDGE_BUDGET_TOKENS: 8 }), {
      max_tokens: 180,
      // It says one word over and over.
      logit_bias: { [chat.tokenizer.encode(' sea')[0]]: 100 },
    })
    expect(chunks.flatMap(({ nanbeige }) => nanbeige?.rescue ?? [])).toContain('answer')
    expect(usage.nanbeige.rescued).toBeDefined()
    expect(content).toMatch(/^( ?sea)+$/)
  })
})

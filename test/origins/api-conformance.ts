import { beforeAll, expect, test, vi } from 'vitest'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { decode } from '../../src/tokenizer/detokenizer.ts'
import { loadEmbeddedModel } from '../support/embedded-model.ts'
import { type App, post } from '../support/fake-app.ts'
import { originApp } from './origin-app.ts'
import { type RealServer, SERVED_MODEL } from './real-server.ts'
import { slowModel } from './slow-model.ts'

const LENGTH = 80
/** Slower than the origin, as the large model at the edge is beside a GPU, in ms. */
const EDGE_INTERVAL_MS = 150

interface Completion {
  choices: { message: { content: string }; finish_reason: string }[]
  usage: {
    prompt_tokens: number
    completion_tokens: number
    nanbeige: { route: string; edge_tokens: number; origin_tokens: number }
  }
}

/** The API with the embedded model, before a real server with the same model, whichever. */
export function apiConformance(started: () => RealServer): void {
  let server: RealServer
  let app: App
  let chat: ChatModel
  beforeAll(async () => {
    server = started()
    chat = await loadEmbeddedModel()
    app = originApp({
      model: chat.language,
      chat: { ...chat, language: slowModel(chat.language, EDGE_INTERVAL_MS) },
      origins: [{ name: 'real', kind: server.kind, url: server.url, model: SERVED_MODEL }],
      env: { EDGE_BUDGET_TOKENS: 8 },
    })
  })

  const bodyOf = (content: string, change: object = {}) => ({
    messages: [{ role: 'user', content }],
    temperature: 0,
    // Without an end token the answer goes on.
    logit_bias: { [chat.eosIds[0]]: -100 },
    max_tokens: LENGTH,
    ...change,
  })

  async function ask(content: string, change: object = {}) {
    return (await (await post(app, bodyOf(content, change))).json()) as Completion
  }

  /** The ids of the edge's first tokens, which are reported as bytes. */
  async function edgeIds(content: string, count: number): Promise<number[]> {
    const change = { model: `${SERVED_MODEL}:edge`, max_tokens: count, logprobs: true }
    const { choices } = (await ask(content, change)) as never as {
      choices: { logprobs: { content: { bytes: number[] }[] } }[]
    }
    const byBytes = new Map(
      Array.from({ length: chat.tokenizer.vocabSize }, (_, id) => [chat.tokenizer.bytes(id).join(), id]),
    )
    return choices[0].logprobs.content.map(({ bytes }) => byBytes.get(bytes.join())!)
  }

  test.each(['Tell me a long story about the sea.', 'Repeat exactly: 😀😀 🧬 好的 こんにちは ξ'])(
    '%s: the edge’s tokens, then what the server says after exactly these',
    async (content) => {
      const { choices, usage } = await ask(content)
      const { route, edge_tokens, origin_tokens } = usage.nanbeige
      expect([route, choices[0].finish_reason]).toEqual(['edge-then-origin', 'length'])
      expect([usage.completion_tokens, edge_tokens + origin_tokens]).toEqual([LENGTH, LENGTH])
      expect(Math.min(edge_tokens, origin_tokens)).toBeGreaterThan(0)

      const text = chat.template.render(bodyOf(content).messages as never, { addGenerationPrompt: true })
      const prompt = chat.tokenizer.encode(text)
      expect(prompt).toHaveLength(usage.prompt_tokens)
      const edge = await edgeIds(content, edge_tokens)
      const origin = await server.answer([...prompt, ...edge], origin_tokens, chat.eosIds)
      expect(choices[0].message.content).toBe(decode(chat.tokenizer, [...edge, ...origin.ids]))
    },
  )

  test('a client that goes away stops the server', async () => {
    const body = bodyOf('Tell me a long story.', { stream: true, max_tokens: 1500, model: `${SERVED_MODEL}:origin` })
    const before = await server.tokensGenerated()
    const response = await post(app, body)
    const reader = response.body!.getReader()
    for (let chunk = 0; chunk < 5; chunk++) await reader.read()
    expect(await server.isBusy()).toBe(true)
    await reader.cancel()
    await vi.waitFor(async () => expect(await server.isBusy()).toBe(false), { timeout: 10_000, interval: 100 })
    expect((await server.tokensGenerated()) - before).toBeLessThan(1500)
  })
}

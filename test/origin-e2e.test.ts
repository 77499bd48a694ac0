import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ChatModel } from '../src/chat/chat-model.ts'
import type { LanguageModel } from '../src/generate/language-model.ts'
import { decode } from '../src/tokenizer/detokenizer.ts'
import { loadEmbeddedModel } from './embedded-model.ts'
import { type App, post } from './fake-app.ts'
import { LLAMA_MODEL, type LlamaServer, llamaServerMissing, startLlamaServer } from './origins/llama-server.ts'
import { originApp } from './origins/origin-app.ts'

const LENGTH = 80
/** Slower than the origin, as the large model at the edge is beside a GPU, in ms. */
const EDGE_INTERVAL_MS = 150

const missing = llamaServerMissing()
if (missing) console.warn(`The API before the real llama-server is not tested: ${missing}.`)

/** The same model, as fast as a large one. */
function slow(model: LanguageModel): LanguageModel {
  return {
    vocabSize: model.vocabSize,
    contextLength: model.contextLength,
    createSequence: () => model.createSequence(),
    distribution: (...args) => model.distribution(...args),
    async forward(sequence, tokens, signal) {
      if (tokens.length === 1) await setTimeout(EDGE_INTERVAL_MS)
      await model.forward(sequence, tokens, signal)
    },
  }
}

interface Completion {
  choices: { message: { content: string }; finish_reason: string }[]
  usage: {
    prompt_tokens: number
    completion_tokens: number
    nanbeige: { route: string; edge_tokens: number; origin_tokens: number }
  }
}

// The API with the embedded model, and llama-server with the GGUF that this was made of.
describe.skipIf(missing)('the API and the real llama-server', () => {
  let server: LlamaServer
  let app: App
  let chat: ChatModel
  beforeAll(async () => {
    server = await startLlamaServer()
    chat = await loadEmbeddedModel()
    app = originApp({
      model: chat.language,
      chat: { ...chat, language: slow(chat.language) },
      origins: [{ name: 'llama', kind: 'llama-server', url: server.url, model: LLAMA_MODEL }],
      env: { EDGE_BUDGET_TOKENS: 8 },
    })
  })
  afterAll(() => server?.stop())

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
    const change = { model: `${LLAMA_MODEL}:edge`, max_tokens: count, logprobs: true }
    const { choices } = (await ask(content, change)) as never as {
      choices: { logprobs: { content: { bytes: number[] }[] } }[]
    }
    const byBytes = new Map(
      Array.from({ length: chat.tokenizer.vocabSize }, (_, id) => [chat.tokenizer.bytes(id).join(), id]),
    )
    return choices[0].logprobs.content.map(({ bytes }) => byBytes.get(bytes.join())!)
  }

  /** What the server answers when asked for exactly these ids. */
  async function direct(ids: readonly number[], count: number): Promise<number[]> {
    const body = {
      prompt: ids,
      n_predict: count,
      temperature: 0,
      logit_bias: [[chat.eosIds[0], -100]],
      return_tokens: true,
      cache_prompt: false,
    }
    const response = await fetch(`${server.url}/completion`, { method: 'POST', body: JSON.stringify(body) })
    return ((await response.json()) as { tokens: number[] }).tokens
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
      const origin = await direct([...prompt, ...edge], origin_tokens)
      expect(choices[0].message.content).toBe(decode(chat.tokenizer, [...edge, ...origin]))
    },
  )

  test('a client that goes away stops the server', async () => {
    const body = bodyOf('Tell me a long story.', { stream: true, max_tokens: 1500, model: `${LLAMA_MODEL}:origin` })
    const response = await post(app, body)
    const reader = response.body!.getReader()
    for (let chunk = 0; chunk < 5; chunk++) await reader.read()
    expect(await server.isBusy()).toBe(true)
    await reader.cancel()
    await vi.waitFor(async () => expect(await server.isBusy()).toBe(false), { timeout: 10_000, interval: 100 })
    expect(await server.tokensPredicted()).toBeLessThan(1500)
  })
})

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type RunningWorker, startWorker } from '../scripts/start-worker.ts'
import type { ChatModel } from '../src/chat/chat-model.ts'
import { decode } from '../src/tokenizer/detokenizer.ts'
import { loadEmbeddedModel } from './embedded-model.ts'
import { LLAMA_MODEL, type LlamaServer, llamaServerMissing, startLlamaServer } from './origins/llama-server.ts'

const LENGTH = 120

const missing = llamaServerMissing()
if (missing) console.warn(`The Worker before the real llama-server is not tested: ${missing}.`)

interface Completion {
  choices: { message: { content: string }; finish_reason: string }[]
  usage: {
    prompt_tokens: number
    completion_tokens: number
    nanbeige: { route: string; edge_tokens: number; origin_tokens: number }
  }
}

// The Worker in workerd with the embedded model, and llama-server with the GGUF that this was made of.
describe.skipIf(missing)('the Worker and the real llama-server', () => {
  let server: LlamaServer
  let worker: RunningWorker
  let chat: ChatModel
  beforeAll(async () => {
    server = await startLlamaServer()
    chat = await loadEmbeddedModel()
    const origin = { name: 'llama', kind: 'llama-server', url: server.url, model: LLAMA_MODEL }
    worker = await startWorker({ port: 0, vars: { ORIGINS: JSON.stringify([origin]), EDGE_BUDGET_TOKENS: '8' } })
  })
  afterAll(async () => {
    await worker?.stop()
    await server?.stop()
  })

  const bodyOf = (content: string, change: object = {}) => ({
    messages: [{ role: 'user', content }],
    temperature: 0,
    // Without an end token the answer goes on.
    logit_bias: { [chat.eosIds[0]]: -100 },
    max_tokens: LENGTH,
    ...change,
  })

  function post(body: object, signal?: AbortSignal) {
    return fetch(`${worker.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    })
  }

  async function ask(content: string, change: object = {}) {
    return (await (await post(bodyOf(content, change))).json()) as Completion
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
    const leave = new AbortController()
    const body = bodyOf('Tell me a long story.', { stream: true, max_tokens: 1500, model: `${LLAMA_MODEL}:origin` })
    const response = await post(body, leave.signal)
    const reader = response.body!.getReader()
    for (let chunk = 0; chunk < 5; chunk++) await reader.read()
    expect(await server.isBusy()).toBe(true)
    leave.abort()
    await vi.waitFor(async () => expect(await server.isBusy()).toBe(false), { timeout: 10_000, interval: 100 })
    expect(await server.tokensPredicted()).toBeLessThan(1500)
  })
})

import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { generate } from '../../src/generate/generate.ts'
import { createRandom } from '../../src/generate/random.ts'
import { History } from '../../src/origin/history.ts'
import { openOrigins } from '../../src/origin/origins.ts'
import { handover } from '../../src/route/handover.ts'
import { isNotice, type SourcedToken } from '../../src/route/source.ts'
import { decode } from '../../src/tokenizer/detokenizer.ts'
import { loadEmbeddedModel } from '../support/embedded-model.ts'
import { NO_RULES } from '../support/stop-rules.ts'
import { configs, GREEDY } from './collect.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { llamaServerMissing, startLlamaServer } from './llama-server.ts'
import { type RealServer, SERVED_MODEL } from './real-server.ts'

const LENGTH = 80
/** Slower than the origin, as the large model at the edge is beside a GPU, in ms. */
const EDGE_INTERVAL_MS = 150

const missing = llamaServerMissing()
if (missing) console.warn(`The handover to the real llama-server is not tested: ${missing}.`)

// The embedded model at the edge, the GGUF that it was made of at the origin.
describe.skipIf(missing)('handover to the real llama-server', () => {
  let server: RealServer
  let proxy: FaultProxy
  let chat: ChatModel
  beforeAll(async () => {
    chat = await loadEmbeddedModel()
    server = await startLlamaServer()
    proxy = await startFaultProxy(server.url)
  })
  afterAll(async () => {
    await proxy?.stop()
    await server?.stop()
  })

  const PROMPTS = [
    'Repeat exactly: 😀😀 🧬 好的 こんにちは ξ',
    'Tell me a long story about the sea.',
    'Explain how a bicycle works.',
  ]

  async function answer(content: string, budgetTokens: number) {
    const text = `<|im_start|>user\n${content}<|im_end|>\n<|im_start|>assistant\n`
    const ids = chat.tokenizer.encode(text)
    const request = { maxTokens: LENGTH, sampling: GREEDY, eosIds: chat.eosIds, topLogprobs: undefined }
    const config = { kind: 'llama-server', url: proxy.url, model: SERVED_MODEL, timers: { idleMs: 3000 } }
    const origins = await openOrigins(configs(config), {
      tokenizer: chat.tokenizer,
      log: () => {},
      random: createRandom(1),
    })
    await origins.check()
    const stream = handover({
      origins,
      start: 'edge',
      reason: 'may-get-long',
      async *edge(history, maxTokens, signal, steering) {
        const tokens = generate(chat.language, { ...request, promptIds: history.ids(), maxTokens, signal, steering })
        try {
          for (;;) {
            const step = await tokens.next()
            if (step.done) return step.value
            await setTimeout(EDGE_INTERVAL_MS)
            yield step.value
          }
        } finally {
          await tokens.return('aborted')
        }
      },
      budget: { tokens: budgetTokens, msPerToken: Number.POSITIVE_INFINITY },
      request: {
        ...request,
        stopRules: NO_RULES,
        history: new History(chat.tokenizer, { ids, text }),
        signal: new AbortController().signal,
      },
      steering: undefined,
      log: () => {},
    })
    const tokens: (SourcedToken & { id: number })[] = []
    for await (const token of stream) {
      if (isNotice(token)) continue
      if (!('id' in token)) throw new Error('text from an origin that gives ids')
      tokens.push(token)
    }
    return { ids, tokens }
  }

  /** What the server answers when asked for exactly these ids. */
  async function direct(ids: readonly number[], count: number): Promise<number[]> {
    const body = { prompt: ids, n_predict: count, temperature: 0, return_tokens: true, cache_prompt: false }
    const response = await fetch(`${server.url}/completion`, { method: 'POST', body: JSON.stringify(body) })
    const { tokens } = (await response.json()) as { tokens: number[] }
    return tokens.filter((id) => !chat.eosIds.includes(id))
  }

  async function expectJoined({ ids, tokens }: Awaited<ReturnType<typeof answer>>) {
    const edge = tokens.filter(({ source }) => source === 'edge').map(({ id }) => id)
    const origin = tokens.filter(({ source }) => source === 'origin').map(({ id }) => id)
    expect(tokens.map(({ source }) => source).join()).toMatch(/^(edge,)+origin(,origin)*$/)
    expect(origin).toEqual(await direct([...ids, ...edge], LENGTH - edge.length))
    expect(decode(chat.tokenizer, [...edge, ...origin]).replace(/\ufffd$/, '')).not.toContain('\ufffd')
  }

  test.each(PROMPTS)('%s: the edge’s tokens, then what the server says after exactly these', async (prompt) => {
    await expectJoined(await answer(prompt, 8))
  })

  test('with a stream that breaks after the switch', async () => {
    proxy.inject({ kind: 'cut', atByte: 1500 })
    await expectJoined(await answer(PROMPTS[1], 8))
  })
})

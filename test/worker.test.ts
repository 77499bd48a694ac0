import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningWorker } from '../src/serve/start-worker.ts'
import { startServer } from './support/server.ts'

// The real Worker in workerd, with the embedded model.
let server: RunningWorker
let client: OpenAI
beforeAll(async () => {
  server = await startServer()
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => server?.stop())

const ask = (content: string) => ({
  model: 'smollm2-135m-instruct',
  messages: [{ role: 'user' as const, content }],
  temperature: 0,
})

async function tokensComputed(): Promise<number> {
  const health = (await (await fetch(`${server.url}/healthz`)).json()) as { tokensComputed: number }
  return health.tokensComputed
}

test('answers, streamed and not, with the same text and usage', async () => {
  const request = { ...ask('What is the capital of France?'), max_tokens: 40 }
  const whole = await client.chat.completions.create(request)
  expect(whole.choices[0].message.content).toContain('Paris')
  expect(whole.choices[0].finish_reason).toBe('stop')

  const stream = await client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  })
  let text = ''
  let usage: OpenAI.CompletionUsage | null | undefined
  let chunks = 0
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage ?? usage
    chunks++
  }
  expect(text).toBe(whole.choices[0].message.content)
  // All of the prompt but the token that the answer comes from is there.
  const cached_tokens = whole.usage!.prompt_tokens - 1
  expect(usage).toEqual({ ...whole.usage, prompt_tokens_details: { cached_tokens } })
  expect(chunks).toBeGreaterThan(3)
})

test('a full context ends the answer with "length"', async () => {
  // Without an end token the answer goes on to the end of the context.
  const { choices, usage } = await client.chat.completions.create({
    ...ask('Count. '.repeat(600)),
    logit_bias: { 2: -100 },
  })
  expect(choices[0].finish_reason).toBe('length')
  expect(usage?.total_tokens).toBe(2048)
})

test('logprobs are those of the chosen tokens', async () => {
  const { choices } = await client.chat.completions.create({
    ...ask('Say yes.'),
    max_tokens: 5,
    logprobs: true,
    top_logprobs: 3,
  })
  const { content } = choices[0].logprobs!
  expect(content!.map(({ token }) => token).join('')).toBe(choices[0].message.content)
  for (const { token, logprob, top_logprobs } of content!) {
    expect(top_logprobs[0]).toMatchObject({ token, logprob })
    expect(top_logprobs.reduce((sum, top) => sum + Math.exp(top.logprob), 0)).toBeLessThanOrEqual(1 + 1e-5)
  }
})

describe('a client that hangs up stops the computation within one token', () => {
  test.for([true, false])('stream: %s', async (stream) => {
    // At different moments of a token: what loses hang-ups at all loses every other one.
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = await tokensComputed()
      const hangUp = await startRequest({ ...ask('Tell me a very long story.'), logit_bias: { 2: -100 }, stream })
      while ((await tokensComputed()) < before + 55) await setTimeout(20)
      await setTimeout(attempt * 3)
      hangUp()
      // What a health check sees first may be the token that was being computed; the hang-up arrives with the one after it.
      await tokensComputed()
      const stopped = await tokensComputed()
      await setTimeout(300)
      expect(await tokensComputed()).toBeLessThanOrEqual(stopped + 1)
    }
    // The next in the queue is served at once.
    const { usage } = await client.chat.completions.create({ ...ask('Hi'), max_tokens: 1 })
    expect(usage?.completion_tokens).toBe(1)
  })

  /** Resolves to a function that closes the socket: fetch closes it when it likes. */
  async function startRequest(body: object): Promise<() => void> {
    const request = httpRequest(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
    })
    request.on('error', () => {})
    request.end(JSON.stringify(body))
    const [response] = await once(request, 'response')
    response.on('error', () => {}).resume()
    return () => request.destroy()
  }
})

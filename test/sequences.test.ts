import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningWorker, startWorker } from '../src/serve/start-worker.ts'
import { readEvents } from './support/fake-app.ts'

let server: RunningWorker
beforeAll(async () => {
  server = await startWorker({ port: 0, vars: { SEQUENCES: 2 } })
})
afterAll(() => server.stop())

/** The logprobs of each token of a seeded answer; whose token has come is noted in `order`. */
async function answer(content: string, seed: number, order: number[] = []): Promise<unknown[]> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      messages: [{ role: 'user', content }],
      ...{ max_tokens: 60, temperature: 1, top_p: 0.95, seed, logprobs: true, top_logprobs: 2, stream: true },
      // An adjustment, which is undone for the logprobs.
      logit_bias: { 2: -100 },
    }),
  })
  const tokens: unknown[] = []
  for await (const data of readEvents(response)) {
    if (data === '[DONE]') continue
    const { content = [] } = JSON.parse(data).choices[0]?.logprobs ?? {}
    tokens.push(...content)
    if (content.length > 0) order.push(seed)
  }
  return tokens
}

const QUESTIONS = ['Tell me about whales.', 'Why is the sky blue?'] as const

it('two answers take turns in one isolate, and each is what it is alone', async () => {
  const alone: unknown[][] = []
  for (const [seed, question] of QUESTIONS.entries()) alone.push(await answer(question, seed))
  const order: number[] = []
  const together = await Promise.all(QUESTIONS.map((question, seed) => answer(question, seed, order)))
  expect(alone.map((tokens) => tokens.length)).toEqual([60, 60])
  expect(together).toEqual(alone)
  // Neither waits for the other's end.
  expect(order.indexOf(0)).toBeLessThan(order.lastIndexOf(1))
  expect(order.indexOf(1)).toBeLessThan(order.lastIndexOf(0))
})

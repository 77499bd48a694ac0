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

it('a stream has tokens while a long prompt is read, and whoever leaves takes nothing with it', async () => {
  const stream = async (content: string, tokens: number, onToken: () => void, signal?: AbortSignal) => {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        messages: [{ role: 'user', content }],
        ...{ max_tokens: tokens, temperature: 0, logit_bias: { 2: -100 }, logprobs: true, stream: true },
      }),
      signal,
    })
    const logprobs: number[] = []
    for await (const data of readEvents(response)) {
      if (data === '[DONE]') continue
      const { content = [] } = JSON.parse(data).choices[0]?.logprobs ?? {}
      for (const { logprob } of content) {
        logprobs.push(logprob)
        onToken()
      }
    }
    return logprobs
  }
  let [said, atBegin] = [0, 0]
  const begun = Promise.withResolvers<void>()
  const story = stream('Tell me a very long story.', 150, () => {
    said++
    if (said === 5) begun.resolve()
  })
  await begun.promise
  atBegin = said
  let meanwhile: number | undefined
  // 13 chunks of a prompt, each beside a token of the story.
  const long = 'one two three '.repeat(130)
  const read = await stream(long, 4, () => {
    meanwhile ??= said - atBegin
  })
  expect(meanwhile).toBeGreaterThanOrEqual(10)
  const hangUp = new AbortController()
  const left = stream(`Another one: ${long}`, 4, () => {}, hangUp.signal).catch(() => 'left')
  await new Promise((resolve) => setTimeout(resolve, 300))
  hangUp.abort()
  expect(await left).toBe('left')
  const together = await story
  expect(together).toEqual(await stream('Tell me a very long story.', 150, () => {}))
  expect(read).toEqual(await stream(long, 4, () => {}))
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { heapUsage } from '../../bench/support/heap.ts'
import { ISOLATE_BYTES, MAX_STAGE_MIB, MIB } from '../../src/deploy/platform-limits.ts'
import { MAX_WAITING_OF_CLIENT } from '../../src/generate/queue.ts'
import { HEARTBEAT_MS } from '../../src/http/sse.ts'
import { startPipeline } from '../../src/serve/start-pipeline.ts'
import type { RunningWorker } from '../../src/serve/start-worker.ts'
import { startServer } from '../support/server.ts'
import { ask, type Question, type StreamedText, streamed } from './completion.ts'
import { type EmbeddedPipeline, embeddedPipeline } from './embedded-pipeline.ts'
import { freePorts } from './workerd-process.ts'

// The scripts that would be deployed, all in one workerd, beside the Worker that has the whole model in one isolate.
const SESSIONS = 2
let pack: EmbeddedPipeline
let pipeline: RunningWorker
let inspector: URL
let whole: RunningWorker

beforeAll(async () => {
  pack = await embeddedPipeline(SESSIONS)
  const [inspectorPort] = await freePorts(1)
  inspector = new URL(`ws://127.0.0.1:${inspectorPort}`)
  ;[pipeline, whole] = await Promise.all([startPipeline({ out: pack.out, port: 0, inspectorPort }), startServer()])
})
afterAll(async () => {
  await Promise.all([pipeline?.stop(), whole?.stop()])
  await pack?.remove()
})

const STORY = 'Tell me a long story about the sea, the ships on it, and the people who sail them. '

/** Requests that wait for their turn. */
async function waitingAt(url: string): Promise<number> {
  const { waiting } = (await (await fetch(`${url}/healthz`)).json()) as { waiting: number }
  return waiting
}

/** Text, usage, finish reason and logprobs' tokens of an answer. */
async function answer(url: string, question: Question & Record<string, unknown>) {
  const response = await ask(url, question, false)
  const { choices, usage } = (await response.json()) as never as {
    choices: { message: object; finish_reason: string; logprobs: { content: { token: string }[] } | null }[]
    usage: Record<string, unknown>
  }
  const [{ message, finish_reason, logprobs }] = choices
  // Each has computed other prompts before.
  delete usage.prompt_tokens_details
  return { message, finish_reason, usage, tokens: logprobs?.content.map(({ token }) => token) }
}

describe('the answer of a pipeline is that of one isolate', () => {
  it.for<Question & Record<string, unknown>>([
    { content: 'What is the capital of France?', max_tokens: 40, temperature: 0 },
    // Several chunks of prompt, and an answer that goes on.
    { content: STORY.repeat(8), max_tokens: 60, temperature: 0.8, seed: 1, logprobs: true, top_logprobs: 3 },
    { content: STORY, max_tokens: 60, temperature: 1.5, seed: 2, top_p: 1, repetition_penalty: 1.2 },
  ])('$content', async (question) => {
    expect(await answer(pipeline.url, question)).toEqual(await answer(whole.url, question))
  })

  it('streamed', async () => {
    const question = { content: STORY, max_tokens: 40, temperature: 1, seed: 5 }
    expect(await streamed(pipeline.url, question)).toEqual(await streamed(whole.url, question))
  })
})

it('answers as many sessions at once as a stage has caches, and has the next ones wait', async () => {
  const question = (seed: number) => ({ content: STORY, max_tokens: 40, temperature: 1, seed })
  const expected = await Promise.all([1, 2, 3, 4].map((seed) => streamed(whole.url, question(seed))))
  const pieces = [0, 0]
  let both = 0
  let waiting: Promise<StreamedText>[] = []
  let waitingCount = 0
  const running = [1, 2].map((seed, index) =>
    streamed(pipeline.url, question(seed), async (count) => {
      pieces[index] = count
      if (Math.min(...pieces) > 0 && Math.max(...pieces) < 30) both++
      if (both === 3) waiting = [3, 4].map((seed) => streamed(pipeline.url, question(seed)))
      if (both === 10) waitingCount = await waitingAt(pipeline.url)
    }),
  )
  expect(await Promise.all(running)).toEqual(expected.slice(0, 2))
  // Neither waited for the other, and both were waited for.
  expect(both).toBeGreaterThan(10)
  expect(waitingCount).toBe(2)
  expect(await Promise.all(waiting)).toEqual(expected.slice(2))
})

it('sends away only who has as many waiting as a client may', async () => {
  const clients = new AbortController()
  const question = { content: STORY, max_tokens: 200, temperature: 0 }
  const enough = Array.from({ length: SESSIONS + MAX_WAITING_OF_CLIENT }, () =>
    ask(pipeline.url, question, true, clients.signal).catch(() => {}),
  )
  await expect.poll(() => waitingAt(pipeline.url), { timeout: 30 * HEARTBEAT_MS }).toBe(MAX_WAITING_OF_CLIENT)
  const refused = await ask(pipeline.url, question, true)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0)
  expect(await refused.json()).toMatchObject({ error: { code: 'queue_full', type: 'rate_limit_error' } })
  clients.abort()
  await Promise.all(enough)
  // Who hung up gives his place back.
  await expect.poll(() => waitingAt(pipeline.url), { timeout: 30 * HEARTBEAT_MS }).toBe(0)
  expect((await ask(pipeline.url, { ...question, max_tokens: 1 }, false)).status).toBe(200)
})

it('leaves room for the Wasm memory of a full stage in the isolate of every stage', async () => {
  await streamed(pipeline.url, { content: STORY, max_tokens: 20 })
  const usages = await heapUsage(inspector)
  expect(usages.size).toBe(pack.plan.stages.length + 1)
  for (const [name, { heapBytes, bufferBytes }] of usages) {
    expect(heapBytes).toBeGreaterThan(0)
    if (/-stage-\d+$/.test(name))
      expect(heapBytes + bufferBytes, name).toBeLessThan(ISOLATE_BYTES - MAX_STAGE_MIB * MIB)
  }
})

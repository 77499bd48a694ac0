import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { heapUsage } from '../bench/heap.ts'
import { startPipeline } from '../scripts/start-pipeline.ts'
import type { RunningWorker } from '../scripts/start-worker.ts'
import { ISOLATE_BYTES, MAX_STAGE_MIB, MIB } from '../src/pipeline/platform-limits.ts'
import { ask, type Question, streamed } from './pipeline/completion.ts'
import { type EmbeddedPipeline, embeddedPipeline } from './pipeline/embedded-pipeline.ts'
import { freePorts } from './pipeline/workerd-process.ts'
import { startServer } from './server.ts'

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

/** Text, usage, finish reason and logprobs' tokens of an answer. */
async function answer(url: string, question: Question & Record<string, unknown>) {
  const response = await ask(url, question, false)
  const { choices, usage } = (await response.json()) as never as {
    choices: { message: object; finish_reason: string; logprobs: { content: { token: string }[] } | null }[]
    usage: object
  }
  const [{ message, finish_reason, logprobs }] = choices
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

it('answers as many sessions at once as a stage has caches, and sends the next one away at once', async () => {
  const question = (seed: number) => ({ content: STORY, max_tokens: 40, temperature: 1, seed })
  const expected = [await streamed(whole.url, question(1)), await streamed(whole.url, question(2))]
  const pieces = [0, 0]
  let both = 0
  let refused: Response | undefined
  const running = [1, 2].map((seed, index) =>
    streamed(pipeline.url, question(seed), async (count) => {
      pieces[index] = count
      if (Math.min(...pieces) > 0 && Math.max(...pieces) < 30) both++
      if (both === 3) refused = await ask(pipeline.url, question(3), true)
    }),
  )
  expect(await Promise.all(running)).toEqual(expected)
  // Neither waited for the other.
  expect(both).toBeGreaterThan(10)
  expect(refused!.status).toBe(429)
  expect(Number(refused!.headers.get('Retry-After'))).toBeGreaterThan(0)
  expect(await refused!.json()).toMatchObject({ error: { code: 'queue_full', type: 'rate_limit_error' } })
  // Their places are free again.
  expect((await ask(pipeline.url, { ...question(3), max_tokens: 1 }, true)).status).toBe(200)
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

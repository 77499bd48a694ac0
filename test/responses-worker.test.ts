import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { type RunningWorker, startWorker } from '../src/serve/start-worker.ts'
import { all } from './support/responses-client.ts'

// The Responses API of the real Worker in workerd, with the embedded model, and what it stores over its own end.
const MODEL = 'smollm2-135m-instruct'
const GREEDY = { model: MODEL, temperature: 0 }
const KEY = 'nb-a_key'
const TOKENS_PER_DAY = 1_000_000
const API_KEYS = JSON.stringify([
  { name: 'tester', sha256: createHash('sha256').update(KEY).digest('hex'), tokensPerDay: TOKENS_PER_DAY },
])

let storage: string
let server: RunningWorker
let client: OpenAI
beforeAll(async () => {
  storage = await mkdtemp(join(tmpdir(), 'nanbeige-edge-storage-'))
  await start()
})
afterAll(async () => {
  await server?.stop()
  await rm(storage, { recursive: true, force: true })
})

async function start(): Promise<void> {
  server = await startWorker({ port: 0, storage, vars: { API_KEYS } })
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: KEY, maxRetries: 0 })
}

test('a response is the same streamed and whole, and outlasts a restart; one that went on has failed', async () => {
  const question = { ...GREEDY, input: 'What is the capital of France?', max_output_tokens: 40 }
  const whole = await client.responses.create(question)
  expect(whole.output_text).toContain('Paris')
  const events = await all(await client.responses.create({ ...question, stream: true }))
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index))
  const last = events.at(-1)!
  if (last.type !== 'response.completed') throw new Error(`ended with ${last.type}`)
  const { output, usage, id } = last.response
  // All of the prompt but its last token is there still.
  const cached = { ...whole.usage!.input_tokens_details, cached_tokens: usage!.input_tokens - 1 }
  expect(usage).toEqual({ ...whole.usage, input_tokens_details: cached })
  expect(output).toMatchObject([{ content: [{ text: whole.output_text }] }])
  const long = { ...GREEDY, input: 'Tell me a very long story.', logit_bias: { 2: -100 } }
  const going = await client.responses.create({ ...long, background: true } as OpenAI.Responses.ResponseCreateParams)
  expect(going).toMatchObject({ status: 'in_progress' })

  const tokensLeft = async () => {
    const { headers } = await client.models.list().asResponse()
    return Number(headers.get('x-ratelimit-remaining-tokens'))
  }
  const left = await tokensLeft()

  await server.stop()
  await start()
  // What the answer that went on took in its last moments may be lost, and the one that had ended is counted.
  const leftAfter = await tokensLeft()
  expect(leftAfter).toBeGreaterThanOrEqual(left)
  expect(leftAfter).toBeLessThanOrEqual(TOKENS_PER_DAY - whole.usage!.total_tokens - usage!.total_tokens)
  expect(await client.responses.retrieve(id)).toMatchObject({ status: 'completed', output, usage })
  expect(await all(await client.responses.retrieve(id, { stream: true }))).toEqual(events)
  expect(await client.responses.retrieve((going as OpenAI.Responses.Response).id)).toMatchObject({
    status: 'failed',
    error: { code: 'server_restarted' },
  })

  // The conversation goes on as if all of it had been sent.
  const next = 'Repeat the name of that city.'
  const continued = await client.responses.create({ ...question, previous_response_id: id, input: next })
  const sent = await client.responses.create({
    ...question,
    input: [
      { role: 'user', content: question.input },
      { role: 'assistant', content: whole.output_text },
      { role: 'user', content: next },
    ],
  })
  expect(continued.output_text).toBe(sent.output_text)
  expect(continued.usage!.input_tokens).toBe(sent.usage!.input_tokens)
})

test('a response has the form that its schema says', async () => {
  const format = zodTextFormat(z.object({ capital: z.enum(['Paris', 'Rome']), isCity: z.boolean() }), 'answer')
  const input = 'What is the capital of France? Answer in JSON.'
  const { output_parsed } = await client.responses.parse({ ...GREEDY, input, text: { format } })
  expect(output_parsed).toEqual({ capital: 'Paris', isCity: expect.any(Boolean) })
})

test('what is larger than a row of SQLite is kept, and what is deleted is gone', async () => {
  const text = '€'.repeat(700_000)
  const metadata = { topic: 'large' }
  // Too long for the model, but not for the store: in what is continued, and not told by the template.
  const { id } = await client.responses.create({
    ...GREEDY,
    metadata,
    max_output_tokens: 1,
    input: [
      { type: 'reasoning', id: 'rs_large', summary: [{ type: 'summary_text', text }] },
      { role: 'user', content: 'Hi' },
    ],
  })
  const [user, reasoning] = (await client.responses.inputItems.list(id)).data
  expect(user).toMatchObject({ role: 'user' })
  expect(reasoning).toMatchObject({ id: 'rs_large', summary: [{ text }] })
  await client.responses.delete(id)
  await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 })
})

test('a response in the background is cancelled while it goes on', async () => {
  const long = { ...GREEDY, input: 'Tell me a very long story.', logit_bias: { 2: -100 }, background: true }
  const { id } = (await client.responses.create(long as never)) as OpenAI.Responses.Response
  const stream = await client.responses.retrieve(id, { stream: true })
  for await (const event of stream) if (event.type === 'response.output_text.delta') break
  expect(await client.responses.retrieve(id)).toMatchObject({ status: 'in_progress' })
  expect(await client.responses.cancel(id)).toMatchObject({ status: 'cancelled' })
  const [item] = (await client.responses.retrieve(id)).output
  expect(item).toMatchObject({ type: 'message', status: 'incomplete' })
})

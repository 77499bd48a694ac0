import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type RunningWorker, startWorker } from '../src/serve/start-worker.ts'

// Two keys and one KV cache: whoever comes after the other one finds nothing of its own.
const KEYS = ['alice', 'bob']
let server: RunningWorker
beforeAll(async () => {
  const apiKeys = KEYS.map((name) => ({ name, sha256: createHash('sha256').update(name).digest('hex') }))
  server = await startWorker({ port: 0, vars: { API_KEYS: JSON.stringify(apiKeys), SEQUENCES: 1, CACHE_MIB: 0 } })
})
afterAll(() => server?.stop())

interface Turn {
  readonly role: string
  readonly content: string
}

// biome-ignore lint/suspicious/noExplicitAny: the shapes of three APIs
async function post(path: string, key: string, body: object): Promise<any> {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(200)
  return response.json()
}

async function answer(key: string, messages: readonly Turn[], seed: number) {
  const sampling = { max_tokens: 12, temperature: 1, top_p: 0.95, seed, logprobs: true, top_logprobs: 3 }
  const { choices, usage, timings } = await post('/v1/chat/completions', key, { messages, ...sampling })
  return { content: choices[0].message.content, logprobs: choices[0].logprobs, usage, timings }
}

const QUESTIONS = ['Name an animal of the sea.', 'How large is it?', 'What does it eat?', 'And when does it sleep?']

it('every turn of a chat says what it says when all of it is computed anew, and tells what it did not compute', async () => {
  const messages: Turn[] = []
  const turns: { messages: Turn[]; said: Awaited<ReturnType<typeof answer>> }[] = []
  for (const [seed, content] of QUESTIONS.entries()) {
    messages.push({ role: 'user', content })
    const said = await answer('alice', messages, seed)
    turns.push({ messages: [...messages], said })
    messages.push({ role: 'assistant', content: said.content })
  }
  for (const [turn, { said }] of turns.entries()) {
    const cached = said.usage.prompt_tokens_details.cached_tokens
    // The prompt before this one, all of it but for the last tokens that the tokenizer may part in another way.
    if (turn > 0) expect(cached).toBeGreaterThanOrEqual(turns[turn - 1].said.usage.prompt_tokens - 1)
    else expect(cached).toBe(0)
    expect(said.timings).toMatchObject({ cache_n: cached, prompt_n: said.usage.prompt_tokens - cached })
  }
  for (const [seed, { messages, said }] of turns.entries()) {
    const anew = await answer('bob', messages, seed)
    expect(anew.usage.prompt_tokens_details.cached_tokens).toBe(0)
    expect([anew.content, anew.logprobs]).toEqual([said.content, said.logprobs])
    await answer('alice', [{ role: 'user', content: 'Hi' }], 0)
  }
})

it('responses and messages tell it too', async () => {
  const input = 'Name three colours of the rainbow.'
  const response = () => post('/v1/responses', 'alice', { input, max_output_tokens: 4 })
  await response()
  const { usage } = await response()
  expect(usage.input_tokens_details.cached_tokens).toBe(usage.input_tokens - 1)
  const messages = [{ role: 'user', content: input }]
  const message = await post('/v1/messages', 'alice', { model: 'smollm2-135m-instruct', max_tokens: 4, messages })
  expect(message.usage).toMatchObject({ cache_read_input_tokens: usage.input_tokens - 1, input_tokens: 1 })
})

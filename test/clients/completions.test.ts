import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningWorker } from '../../src/serve/start-worker.ts'
import { loadEmbeddedModel } from '../support/embedded-model.ts'
import { startServer } from '../support/server.ts'
import { isInstalled, type PythonScript, startPython } from './python.ts'

// openai of Node and of Python, and plain HTTP, over sockets to workerd with the embedded model.

const MODEL = 'smollm2-135m-instruct'
const END_OF_TURN = 2
const PROMPT = 'The capital of France is'
const SAMPLED = { model: MODEL, max_tokens: 12, temperature: 1, seed: 11, logit_bias: { [END_OF_TURN]: -100 } }
const CHAT = { ...SAMPLED, n: 2, messages: [{ role: 'user' as const, content: 'Say something short.' }] }

let server: RunningWorker
let client: OpenAI
beforeAll(async () => {
  server = await startServer()
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(() => server?.stop())

async function tokensComputed(): Promise<number> {
  const health = (await (await fetch(`${server.url}/healthz`)).json()) as { tokensComputed: number }
  return health.tokensComputed
}

async function post(path: string, body: object) {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
  return (await (await fetch(new URL(path, server.url), init)).json()) as never
}

describe('openai-node', () => {
  test('gets a completion, with the prompt and its logprobs', async () => {
    const { choices, usage } = await client.completions.create({
      model: MODEL,
      prompt: PROMPT,
      max_tokens: 3,
      temperature: 0,
      echo: true,
      logprobs: 3,
    })
    const [{ text, logprobs, finish_reason }] = choices
    expect(text).toContain(`${PROMPT} Paris`)
    expect(finish_reason).toBe('length')
    const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs!
    expect(tokens!.join('')).toBe(text)
    expect(tokens).toHaveLength(usage!.total_tokens)
    expect(token_logprobs![0]).toBeNull()
    expect(text_offset).toEqual(tokens!.map((_, index) => [...tokens!.slice(0, index).join('')].length))
    // Sampled greedily, a token is the likeliest.
    const paris = tokens!.findIndex((token) => token.includes('Paris'))
    expect(token_logprobs![paris]).toBe(Math.max(...Object.values(top_logprobs![paris] as Record<string, number>)))
  })

  test('gets the same completions of several prompts, streamed and not', async () => {
    const body = { ...SAMPLED, prompt: [PROMPT, 'Once upon a time'], n: 2 }
    const whole = await client.completions.create(body)
    expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    const texts = ['', '', '', '']
    let usage: OpenAI.CompletionUsage | undefined
    for await (const chunk of await client.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    })) {
      for (const { index, text } of chunk.choices) texts[index] += text
      usage = chunk.usage ?? usage
    }
    expect(texts).toEqual(whole.choices.map(({ text }) => text))
    // How much of the prompts is there still depends on what was asked between.
    expect({ ...usage, prompt_tokens_details: undefined }).toEqual({ ...whole.usage, prompt_tokens_details: undefined })
  })

  test('gets several answers in a chat, whose prompt is computed once', async () => {
    const before = await tokensComputed()
    const { choices, usage } = await client.chat.completions.create({ ...CHAT, n: 4 })
    const { prompt_tokens, completion_tokens } = usage!
    expect(new Set(choices.map(({ message }) => message.content)).size).toBe(4)
    expect(completion_tokens).toBe(4 * SAMPLED.max_tokens)
    // The last token of the prompt again for each answer, and of each answer all but the last.
    expect((await tokensComputed()) - before).toBe(prompt_tokens + 3 + completion_tokens - 4)
    const [alone] = (await client.chat.completions.create({ ...CHAT, n: 1 })).choices
    expect(alone.message.content).toBe(choices[0].message.content)
  })
})

describe('the form of an answer', () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', minimum: 0, maximum: 150 } },
    required: ['name', 'age'],
    additionalProperties: false,
  }

  test('holds each of several answers', async () => {
    const { choices } = await client.chat.completions.create({
      ...CHAT,
      n: 3,
      temperature: 1.5,
      max_tokens: 80,
      logit_bias: {},
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema, strict: true } },
    })
    const people = choices.map(({ message }) => JSON.parse(message.content!))
    for (const person of people) expect(person).toEqual({ name: expect.any(String), age: expect.any(Number) })
    expect(new Set(people.map(({ name }) => name)).size).toBe(3)
  })

  test.each([
    [{ structured_outputs: { regex: '[0-9]{3}-[0-9]{4}' } }, /^\d{3}-\d{4}$/],
    [{ guided_choice: [' yes', ' no'] }, /^ (yes|no)$/],
    [{ grammar: 'root ::= [0-9]{1,5} "." # GBNF' }, /^\d+\.$/],
  ])('%j holds completions', async (form, expected) => {
    const body = { prompt: ['Is it 1?', 'Is it 2?'], n: 2, temperature: 1.5, seed: 2, max_tokens: 60, logit_bias: {} }
    const { choices } = (await post('/v1/completions', { ...body, ...form })) as { choices: { text: string }[] }
    expect(choices).toHaveLength(4)
    for (const { text } of choices) expect(text).toMatch(expected)
  })
})

const environments = ['openai-1', 'openai-2', 'openai-3'] as const
describe.each(environments.filter(isInstalled))("Python's %s", (environment) => {
  let python: PythonScript<object, { choices: { index: number; text: string }[]; usage: object }>
  beforeAll(() => {
    python = startPython(environment, 'completions.py')
  })
  afterAll(() => python?.stop())

  test('gets the completions and the logprobs that openai-node gets', async () => {
    const body = { ...SAMPLED, prompt: PROMPT, n: 2, echo: true, logprobs: 2 }
    const { choices, usage } = await client.completions.create(body)
    const whole = await python.call({ url: `${server.url}/v1`, chat: false, body })
    expect(whole).toMatchObject({ choices, usage: { total_tokens: usage!.total_tokens } })
    const streamed = await python.call({ url: `${server.url}/v1`, chat: false, body: { ...body, stream: true } })
    expect(streamed.choices.map(({ text }) => text)).toEqual(choices.map(({ text }) => text))
  })

  test('gets several answers of a chat, streamed', async () => {
    const { choices } = await client.chat.completions.create(CHAT)
    const streamed = await python.call({ url: `${server.url}/v1`, chat: true, body: { ...CHAT, stream: true } })
    expect(streamed.choices).toEqual(
      choices.map(({ index, message, finish_reason }) => ({ index, text: message.content, finish_reason })),
    )
  })
})

describe('plain HTTP', () => {
  test.each(['/health', '/healthz', '/props', '/v1/models', '/health/', '/v1/models/'])('GET %s', async (path) => {
    const response = await fetch(new URL(path, server.url))
    expect([response.status, response.headers.get('x-request-id')]).toEqual([200, expect.any(String)])
  })

  test('tokens go and come back, below /v1 and beside it', async () => {
    const { tokenizer } = await loadEmbeddedModel()
    const text = '<|im_start|>user\nHé 😀<|im_end|>\n'
    for (const prefix of ['/', '/v1/']) {
      const { tokens } = (await post(`${prefix}tokenize`, { content: text })) as { tokens: number[] }
      expect(tokens).toEqual(tokenizer.encode(text))
      expect(await post(`${prefix}detokenize/`, { tokens })).toEqual({ prompt: text, content: text })
    }
  })

  test('a token that is no whole character has a name of its own in logprobs', async () => {
    const { choices } = (await post('/v1/completions', {
      prompt: '😀😀😀😀',
      max_tokens: 0,
      echo: true,
      logprobs: 0,
    })) as { choices: { text: string; logprobs: { tokens: string[] } }[] }
    expect(choices[0].text).toBe('😀😀😀😀')
    const bytes = choices[0].logprobs.tokens.flatMap((token) =>
      token.startsWith('bytes:')
        ? [...token.matchAll(/\\x(..)/g)].map(([, byte]) => Number.parseInt(byte, 16))
        : [...new TextEncoder().encode(token)],
    )
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe('😀😀😀😀')
    expect(choices[0].logprobs.tokens.some((token) => token.startsWith('bytes:'))).toBe(true)
  })
})

import { afterEach, describe, expect, test, vi } from 'vitest'
import { allEvents, fakeApp, HELLO, post } from '../../test/fake-app.ts'
import { FakeModel, fakeChat } from '../../test/fake-model.ts'

afterEach(() => vi.restoreAllMocks())

interface Chunk {
  id: string
  object: string
  created: number
  model: string
  choices: { delta: { role?: string; content?: string }; finish_reason: string | null; logprobs: unknown }[]
  usage?: object | null
}

const PROMPT_TOKENS = '.user\nHello?.\n.assistant\n'.length

async function chunksOf(response: Response): Promise<Chunk[]> {
  const events = await allEvents(response)
  expect(events.pop()).toBe('[DONE]')
  return events.map((data) => JSON.parse(data) as Chunk)
}

describe('one JSON object', () => {
  test('has the answer and the usage', async () => {
    expect(await (await post(fakeApp(), HELLO)).json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'fake-model',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello there!', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: PROMPT_TOKENS, completion_tokens: 12, total_tokens: PROMPT_TOKENS + 12 },
    })
  })

  test.each(['max_tokens', 'max_completion_tokens'])('%s ends it', async (name) => {
    expect(await (await post(fakeApp(), { ...HELLO, [name]: 5 })).json()).toMatchObject({
      choices: [{ message: { content: 'Hello' }, finish_reason: 'length' }],
    })
  })

  test('logprobs', async () => {
    const body = { ...HELLO, max_tokens: 1, logprobs: true, top_logprobs: 1 }
    const token = { token: 'H', bytes: [72], logprob: expect.closeTo(0, 3) }
    expect(await (await post(fakeApp(), body)).json()).toMatchObject({
      choices: [{ logprobs: { content: [{ ...token, top_logprobs: [token] }], refusal: null } }],
    })
  })
})

describe('a stream', () => {
  test('is role, text, finish reason, [DONE]', async () => {
    const response = await post(fakeApp(), { ...HELLO, stream: true })
    expect(response.headers.get('Content-Type')).toMatch(/^text\/event-stream/)
    const chunks = await chunksOf(response)
    expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '' })
    const texts = chunks.slice(1, -1).map(({ choices }) => choices[0].delta.content)
    expect(texts).toEqual([...'Hello there!'])
    expect(chunks.at(-1)!.choices).toEqual([{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }])
    for (const { choices } of chunks.slice(0, -1)) expect(choices[0].finish_reason).toBeNull()
    expect(new Set(chunks.map(({ id, object, created, model }) => `${id} ${object} ${created} ${model}`)).size).toBe(1)
    for (const chunk of chunks) expect(chunk).not.toHaveProperty('usage')
  })

  test('has the usage last where it is asked for, null before', async () => {
    const body = { ...HELLO, stream: true, stream_options: { include_usage: true } }
    const chunks = await chunksOf(await post(fakeApp(), body))
    const last = chunks.pop()!
    expect(last.choices).toEqual([])
    expect(last.usage).toEqual({
      prompt_tokens: PROMPT_TOKENS,
      completion_tokens: 12,
      total_tokens: PROMPT_TOKENS + 12,
    })
    for (const { usage } of chunks) expect(usage).toBeNull()
  })

  test('has the same text and logprobs as the one object', async () => {
    const app = fakeApp(fakeChat(new FakeModel('Grüße 😀\n\nUser 1')))
    const body = { ...HELLO, logprobs: true, top_logprobs: 2, stop: ['\n\nUser:'] }
    const whole = (await (await post(app, body)).json()) as {
      choices: { message: { content: string }; logprobs: { content: unknown[] } }[]
    }
    const chunks = await chunksOf(await post(app, { ...body, stream: true }))
    const choices = chunks.map((chunk) => chunk.choices[0])
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe(whole.choices[0].message.content)
    const logprobs = choices.flatMap((choice) => (choice.logprobs as { content: unknown[] } | null)?.content ?? [])
    expect(logprobs).toEqual(whole.choices[0].logprobs.content)
    expect(whole.choices[0].message.content).toBe('Grüße 😀\n\nUser 1')
  })

  test('an error in it is its last event, without [DONE]', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const model = new FakeModel('Hello')
    model.beforeDecode = async () => {
      if (model.decoded === 2) throw new Error('secret')
    }
    const events = await allEvents(await post(fakeApp(fakeChat(model)), { ...HELLO, stream: true }))
    const last = events.pop()!
    expect(JSON.parse(last)).toEqual({
      error: { message: expect.any(String), type: 'server_error', param: null, code: 'internal_error' },
    })
    expect(last).not.toContain('secret')
    expect(events.map((data) => JSON.parse(data).choices[0].delta.content)).toEqual(['', 'H', 'e', 'l'])
  })

  test('after an error the next request is served', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const model = new FakeModel('Hello')
    const app = fakeApp(fakeChat(model))
    model.beforeDecode = () => Promise.reject(new Error('once'))
    await allEvents(await post(app, { ...HELLO, stream: true }))
    model.beforeDecode = () => Promise.resolve()
    expect((await post(app, HELLO)).status).toBe(200)
  })
})

test('the conversation reaches the model as the template writes it', async () => {
  const app = fakeApp(fakeChat(new FakeModel((prompt) => prompt)))
  const messages = [
    { role: 'developer', content: 'Echo.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ],
    },
  ]
  const { choices } = (await (await post(app, { messages })).json()) as { choices: { message: { content: string } }[] }
  expect(choices[0].message.content).toBe('system\nEcho.\nuser\none\ntwo\nassistant\n')
})

test('the settings of the request reach the sampler', async () => {
  const app = fakeApp(fakeChat(new FakeModel('i')))
  const body = { ...HELLO, max_tokens: 1, logit_bias: { [`${'i'.charCodeAt(0)}`]: -100 } }
  expect(await (await post(app, body)).json()).toMatchObject({ choices: [{ message: { content: 'j' } }] })
})

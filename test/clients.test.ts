import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, streamText } from 'ai'
import OpenAI, { BadRequestError, NotFoundError } from 'openai'
import { describe, expect, test } from 'vitest'
import { type App, fakeApp } from './fake-app.ts'
import { FakeModel, fakeChat } from './fake-model.ts'

const baseURL = 'http://localhost/v1'
const messages = [{ role: 'user' as const, content: 'Hello?' }]

/** A fetch that asks the app itself: the clients' own requests and parsers, no socket. */
function fetchOf(app: App): typeof fetch {
  return async (input, init) => app.request(new Request(input as RequestInfo, init))
}

describe('the OpenAI SDK', () => {
  const client = (app = fakeApp()) => new OpenAI({ baseURL, apiKey: 'none', fetch: fetchOf(app), maxRetries: 0 })

  test('gets an answer', async () => {
    const completion = await client().chat.completions.create({ model: 'fake-model', messages })
    expect(completion.choices[0].message.content).toBe('Hello there!')
    expect(completion.usage).toMatchObject({ completion_tokens: 12 })
  })

  test('streams, and assembles the final completion', async () => {
    const stream = client().chat.completions.stream({
      model: 'fake-model',
      messages,
      logprobs: true,
      top_logprobs: 2,
      stream_options: { include_usage: true },
    })
    const deltas: string[] = []
    stream.on('content', (delta) => deltas.push(delta))
    const completion = await stream.finalChatCompletion()
    expect(deltas.join('')).toBe('Hello there!')
    expect(completion.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Hello there!' } })
    expect(completion.choices[0].logprobs!.content).toHaveLength(12)
    expect(completion.usage).toMatchObject({ completion_tokens: 12 })
  })

  test('that stops reading stops the model', async () => {
    const model = new FakeModel('x'.repeat(1000))
    const stream = await client(fakeApp(fakeChat(model))).chat.completions.create({
      model: 'fake-model',
      messages,
      stream: true,
    })
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break
    while (model.released === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(model.decoded).toBeLessThan(1000)
  })

  test('knows the errors', async () => {
    const create = (body: object) => client().chat.completions.create({ model: 'fake-model', messages, ...body })
    await expect(create({ model: 'gpt-4' })).rejects.toBeInstanceOf(NotFoundError)
    await expect(create({ n: 3 })).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'n' })
    await expect(create({ messages: [] })).rejects.toBeInstanceOf(BadRequestError)
  })

  test('throws the error that ends a stream', async () => {
    const model = new FakeModel('Hello')
    model.beforeDecode = async () => {
      if (model.decoded === 2) throw Object.assign(new Error('lost'), { silent: true })
    }
    const log = console.error
    console.error = () => {}
    try {
      const stream = await client(fakeApp(fakeChat(model))).chat.completions.create({
        model: 'fake-model',
        messages,
        stream: true,
      })
      const read = async () => {
        for await (const _ of stream);
      }
      await expect(read()).rejects.toMatchObject({ code: 'internal_error' })
    } finally {
      console.error = log
    }
  })

  test('lists and retrieves models', async () => {
    const ids: string[] = []
    for await (const { id } of client().models.list()) ids.push(id)
    expect(ids).toEqual(['fake-model'])
    expect(await client().models.retrieve('fake-model')).toMatchObject({ id: 'fake-model', object: 'model' })
  })
})

describe('the AI SDK', () => {
  const model = (app = fakeApp()) =>
    createOpenAICompatible({ name: 'nanbeige-edge', baseURL, includeUsage: true, fetch: fetchOf(app) })('fake-model')

  test('gets an answer', async () => {
    const { text, finishReason, usage } = await generateText({ model: model(), prompt: 'Hello?' })
    expect({ text, finishReason }).toEqual({ text: 'Hello there!', finishReason: 'stop' })
    expect(usage.outputTokens).toBe(12)
  })

  test('streams', async () => {
    const result = streamText({ model: model(), prompt: 'Hello?', maxOutputTokens: 5 })
    const parts: string[] = []
    for await (const part of result.textStream) parts.push(part)
    expect(parts.join('')).toBe('Hello')
    expect(await result.finishReason).toBe('length')
    expect((await result.usage).outputTokens).toBe(5)
  })

  test('shows the message of an error', async () => {
    const request = generateText({
      model: model(),
      prompt: 'x'.repeat(5000),
      maxRetries: 0,
    })
    await expect(request).rejects.toSatisfy((error) => APICallError.isInstance(error) && error.message.includes('4096'))
  })
})

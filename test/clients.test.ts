import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import OpenAI, { BadRequestError, NotFoundError } from 'openai'
import { describe, expect, test } from 'vitest'
import { type App, fakeApp } from './support/fake-app.ts'
import { FakeModel, fakeChat } from './support/fake-model.ts'

/** 3,000 tokens that do not go round in circles. */
const THOUGHT = `<think>${Array.from({ length: 900 }, (_, index) => index * index).join(' ')}`.slice(0, 3000)

const baseURL = 'http://localhost/v1'
const messages = [{ role: 'user' as const, content: 'Hello?' }]

const WEATHER = {
  name: 'weather',
  description: 'The weather in a city.',
  parameters: { type: 'object' as const, properties: { city: { type: 'string' as const } } },
}
const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich"}}\n</tool_call>'
const ASKING = `<think>\nI must ask.\n</think>\n\nWait.\n${CALL}`

/** Calls the tool, and answers with what the prompt says that the tool said. */
const caller = () =>
  new FakeModel((prompt) => {
    const said = prompt.match(/^tool\n(.*)$/m)
    return said ? `<think>\nIt said so.\n</think>\n\nIt is ${said[1]}.` : ASKING
  })

/** A fetch that asks the app itself: the clients' own requests and parsers, no socket. */
function fetchOf(app: App): typeof fetch {
  return async (input, init) => app.request(new Request(input as RequestInfo, init))
}

const weatherCall = { type: 'function', function: { name: 'weather', arguments: '{"city": "Zürich"}' } }

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
    await expect(create({ audio: {} })).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'audio' })
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

  test('reads reasoning and tool calls', async () => {
    const tools = [{ type: 'function' as const, function: WEATHER }]
    const completion = await client(fakeApp(fakeChat(caller()))).chat.completions.create({
      model: 'fake-model',
      messages,
      tools,
    })
    const [{ message, finish_reason }] = completion.choices
    expect(message).toMatchObject({ content: 'Wait.', reasoning_content: 'I must ask.', tool_calls: [weatherCall] })
    expect(finish_reason).toBe('tool_calls')
    expect(completion.usage!.completion_tokens_details!.reasoning_tokens).toBe('.\nI must ask.\n.\n\n'.length)
  })

  test('assembles streamed reasoning and tool calls', async () => {
    const stream = client(fakeApp(fakeChat(caller()))).chat.completions.stream({
      model: 'fake-model',
      messages,
      tools: [{ type: 'function', function: WEATHER }],
      logprobs: true,
    })
    let reasoning = ''
    stream.on('chunk', ({ choices }) => {
      reasoning += (choices[0].delta as { reasoning_content?: string }).reasoning_content ?? ''
    })
    const [{ message, finish_reason, logprobs }] = (await stream.finalChatCompletion()).choices
    expect(reasoning).toBe('I must ask.')
    expect(message).toMatchObject({ content: 'Wait.', tool_calls: [weatherCall] })
    expect(finish_reason).toBe('tool_calls')
    expect(logprobs!.content!.map(({ token }) => token).join('')).toBe('Wait.')
  })

  test('limits the reasoning', async () => {
    const thinker = new FakeModel((_, answer) => (answer.includes('</think>') ? answer : THOUGHT))
    const completion = await client(fakeApp(fakeChat(thinker))).chat.completions.create({
      model: 'fake-model',
      messages,
      reasoning_effort: 'minimal',
    })
    expect(completion.usage!.completion_tokens_details!.reasoning_tokens).toBe(128 + '\n.\n\n'.length)
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

  const weather = tool({
    description: WEATHER.description,
    inputSchema: jsonSchema<{ city: string }>(WEATHER.parameters),
    execute: async ({ city }) => `sunny in ${city}`,
  })
  const request = () => ({
    model: model(fakeApp(fakeChat(caller()))),
    prompt: 'How is the weather in Zürich?',
    tools: { weather },
    stopWhen: stepCountIs(3),
  })

  test('reasons, calls a tool, and goes on with what it said', async () => {
    const { steps, text, reasoningText, totalUsage } = await generateText(request())
    expect(steps.map(({ finishReason, reasoningText, text }) => [finishReason, reasoningText, text])).toEqual([
      ['tool-calls', 'I must ask.', 'Wait.'],
      ['stop', 'It said so.', 'It is sunny in Zürich.'],
    ])
    expect(steps[0].toolCalls).toMatchObject([{ toolName: 'weather', input: { city: 'Zürich' } }])
    expect([text, reasoningText]).toEqual(['It is sunny in Zürich.', 'It said so.'])
    expect(totalUsage.reasoningTokens).toBe('.\nI must ask.\n.\n\n.\nIt said so.\n.\n\n'.length)
  })

  test('does so in a stream too', async () => {
    const { fullStream } = streamText(request())
    const joined: Record<string, string> = {}
    for await (const part of fullStream) {
      if (part.type === 'text-delta' || part.type === 'reasoning-delta')
        joined[part.type] = (joined[part.type] ?? '') + part.text
      if (part.type === 'tool-input-delta') joined[part.type] = (joined[part.type] ?? '') + part.delta
      if (part.type === 'tool-result') joined[part.type] = String(part.output)
      if (part.type === 'error') throw part.error
    }
    expect(joined).toEqual({
      'reasoning-delta': 'I must ask.It said so.',
      'text-delta': 'Wait.It is sunny in Zürich.',
      'tool-input-delta': '{"city": "Zürich"}',
      'tool-result': 'sunny in Zürich',
    })
  })

  test('takes a malformed call as text', async () => {
    const broken = '<tool_call>{"name": "weather"}</tool_call>'
    const { text, toolCalls, finishReason } = await generateText({
      ...request(),
      model: model(fakeApp(fakeChat(new FakeModel(broken)))),
    })
    expect([text, toolCalls, finishReason]).toEqual([broken, [], 'stop'])
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

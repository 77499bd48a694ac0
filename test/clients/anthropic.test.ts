import Anthropic, { APIError, BadRequestError, NotFoundError } from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createRandom } from '../../src/generate/random.ts'
import { thinkingOf } from '../../src/http/messages/signature.ts'
import { fakeApp } from '../support/fake-app.ts'
import { FakeModel, fakeChat, type Script } from '../support/fake-model.ts'
import { type ListeningApp, listen } from '../support/listen.ts'

// Anthropic's SDK over sockets to the app with a scripted model.

const WEATHER: Anthropic.Tool = {
  name: 'weather',
  description: 'The weather in a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const CALL =
  '<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich", "id": 12345678901234567890}}\n</tool_call>'
const ASKING = `<think>\nI must ask.\n</think>\n\nWait.\n${CALL}`
const HELLO = { model: 'fake-model', max_tokens: 1000, messages: [{ role: 'user' as const, content: 'Hello?' }] }

let server: ListeningApp | undefined
afterEach(async () => {
  vi.restoreAllMocks()
  await server?.stop()
  server = undefined
})

/** A client of a server whose model says this. */
async function clientOf(script: string | Script, model = new FakeModel(script)): Promise<Anthropic> {
  server = await listen(fakeApp(fakeChat(model)))
  return new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
}

describe('the Anthropic SDK', () => {
  test('gets a message', async () => {
    const client = await clientOf('Hello there!')
    const { data, request_id } = await client.messages.create(HELLO).withResponse()
    expect(request_id).toMatch(/./)
    expect(data).toMatchObject({
      id: expect.stringMatching(/^msg_/),
      type: 'message',
      role: 'assistant',
      model: 'fake-model',
      content: [{ type: 'text', text: 'Hello there!', citations: null }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: {
        input_tokens: '.user\nHello?.\n.assistant\n'.length,
        output_tokens: 12,
        output_tokens_details: { thinking_tokens: 0 },
      },
    })
  })

  test('streams the same message as it gets whole: thinking, text and a call', async () => {
    const client = await clientOf(ASKING)
    const request = { ...HELLO, tools: [WEATHER] }
    const whole = await client.messages.create(request)
    const stream = client.messages.stream(request)
    const heard = { text: '', thinking: '', json: '' }
    stream.on('text', (text) => (heard.text += text))
    stream.on('thinking', (text) => (heard.thinking += text))
    stream.on('inputJson', (text) => (heard.json += text))
    const streamed = await stream.finalMessage()
    expect(whole.content).toMatchObject([
      { type: 'thinking', thinking: 'I must ask.', signature: expect.stringMatching(/./) },
      { type: 'text', text: 'Wait.' },
      { type: 'tool_use', id: expect.stringMatching(/^toolu_/), name: 'weather', input: { city: 'Zürich' } },
    ])
    expect(whole.stop_reason).toBe('tool_use')
    expect(heard).toEqual({
      text: 'Wait.',
      thinking: 'I must ask.',
      json: '{"city": "Zürich", "id": 12345678901234567890}',
    })
    const withoutIds = (content: Anthropic.ContentBlock[]) => content.map((block) => ({ ...block, id: undefined }))
    expect(withoutIds(streamed.content)).toEqual(withoutIds(whole.content))
    expect(streamed).toMatchObject({ stop_reason: 'tool_use', usage: { output_tokens: whole.usage.output_tokens } })
    expect(streamed.usage.output_tokens_details).toEqual(whole.usage.output_tokens_details)
  })

  test('sends back what it got, and the model reads it as it was', async () => {
    const prompts: string[] = []
    const client = await clientOf((prompt) => {
      prompts.push(prompt)
      return prompt.includes('sunny') ? 'It is sunny.' : ASKING
    })
    const first = await client.messages.create({ ...HELLO, tools: [WEATHER] })
    const call = first.content.find((block) => block.type === 'tool_use')!
    const second = await client.messages.create({
      ...HELLO,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
      tools: [WEATHER],
      messages: [
        ...HELLO.messages,
        { role: 'assistant', content: first.content },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: call.id, content: [{ type: 'text', text: 'sunny' }] },
            { type: 'tool_result', tool_use_id: 'other', content: 'no such city', is_error: true },
            { type: 'text', text: 'So?' },
          ],
        },
      ],
    })
    expect(second.content).toMatchObject([{ type: 'text', text: 'It is sunny.' }])
    // The model's text has no control tokens.
    expect(prompts.at(-1)).toContain('system\nBe brief.\nuser\nHello?\nassistant\nWait.[{')
    expect(prompts.at(-1)).toContain(`"id": "${call.id}", "type": "function", "function": {"name": "weather"`)
    expect(prompts.at(-1)).toContain('tool\nsunny\ntool\nError: no such city\nuser\nSo?\nassistant\n')
  })

  test('goes on with an answer that it begins', async () => {
    const client = await clientOf((_, answer) => (answer.startsWith('It is') ? 'It is sunny.' : 'Hi.'))
    const ask = async (content: string) => {
      const messages = [...HELLO.messages, { role: 'assistant' as const, content }]
      return (await client.messages.create({ ...HELLO, messages, max_tokens: 3 })).content
    }
    expect(await ask('It is')).toMatchObject([{ text: ' su' }])
    expect(await ask('')).toMatchObject([{ text: 'Hi.' }])
  })

  test('hears which stop sequence has ended the answer, and what cut it', async () => {
    const client = await clientOf('one, two', new FakeModel('one, two', 50))
    const ask = (body: object) => client.messages.create({ ...HELLO, ...body })
    expect(await ask({ stop_sequences: ['!', ', t'] })).toMatchObject({
      content: [{ text: 'one' }],
      stop_reason: 'stop_sequence',
      stop_sequence: ', t',
    })
    expect(await ask({ max_tokens: 3 })).toMatchObject({ content: [{ text: 'one' }], stop_reason: 'max_tokens' })
    const long = { ...HELLO, messages: [{ role: 'user' as const, content: 'x'.repeat(27) }] }
    expect(await ask(long)).toMatchObject({ stop_reason: 'model_context_window_exceeded' })
  })

  test('limits the thinking, and turns it off', async () => {
    const random = createRandom(1)
    // Without loops, which would end it sooner.
    const thoughts = Array.from({ length: 3000 }, () => String.fromCharCode(97 + 26 * random())).join('')
    const thinker: Script = (_, answer) => (answer.includes('</think>') ? answer : `<think>${thoughts}`)
    const client = await clientOf(thinker)
    const thinkingTokens = async (body: object) => {
      const { usage } = await client.messages.create({ ...HELLO, max_tokens: 2500, ...body })
      return usage.output_tokens_details!.thinking_tokens
    }
    const closing = '\n.\n\n'.length
    expect(await thinkingTokens({ thinking: { type: 'enabled', budget_tokens: 1024 } })).toBe(1024 + closing)
    expect(await thinkingTokens({ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } })).toBe(
      512 + closing,
    )
    expect(await thinkingTokens({ thinking: { type: 'disabled' } })).toBe('.\n\n.\n\n'.length)
  })

  test('does not see hidden thinking, and sends it back all the same', async () => {
    const client = await clientOf('<think>\nSecret: é\n</think>\n\nHi.')
    const stream = client.messages.stream({ ...HELLO, thinking: { type: 'adaptive', display: 'omitted' } })
    const deltas: string[] = []
    stream.on('streamEvent', (event) => {
      if (event.type === 'content_block_delta') deltas.push(event.delta.type)
    })
    const { content } = await stream.finalMessage()
    expect(deltas.slice(0, 2)).toEqual(['signature_delta', 'text_delta'])
    const [thinking] = content
    if (thinking.type !== 'thinking') throw new Error(`a block of ${thinking.type}`)
    expect(thinking.thinking).toBe('')
    expect(thinkingOf(thinking)).toBe('Secret: é')
  })

  test('counts the tokens of a prompt as a message has them', async () => {
    const client = await clientOf('Hi.')
    const { max_tokens, ...prompt } = { ...HELLO, system: 'Be brief.', tools: [WEATHER] }
    const { usage } = await client.messages.create({ ...prompt, max_tokens })
    expect(await client.messages.countTokens(prompt)).toEqual({ input_tokens: usage.input_tokens })
    // Of more than the context too.
    const long = { ...prompt, messages: [{ role: 'user' as const, content: 'x'.repeat(10_000) }] }
    expect((await client.messages.countTokens(long)).input_tokens).toBeGreaterThan(10_000)
  })

  test('parses what it has asked for as JSON', async () => {
    const client = await clientOf('{"city": "Zürich", "sunny": true}')
    const format = zodOutputFormat(z.object({ city: z.string(), sunny: z.boolean() }))
    const { parsed_output } = await client.messages.parse({ ...HELLO, output_config: { format } })
    expect(parsed_output).toEqual({ city: 'Zürich', sunny: true })
  })

  test('that stops reading stops the model', async () => {
    const model = new FakeModel('x'.repeat(1000))
    const client = await clientOf('', model)
    const stream = await client.messages.create({ ...HELLO, stream: true })
    for await (const event of stream) if (event.type === 'content_block_delta') break
    await vi.waitFor(() => expect(model.released).toBe(1))
    expect(model.decoded).toBeLessThan(1000)
  })

  test('knows the errors', async () => {
    const client = await clientOf('Hi.')
    const refused = async (body: object) => {
      const error = await client.messages.create({ ...HELLO, ...body } as never).catch((error: unknown) => error)
      if (!(error instanceof APIError)) throw error
      expect(error.requestID).toMatch(/./)
      expect((error.error as { request_id: string }).request_id).toBe(error.requestID)
      return error
    }
    expect(await refused({ model: 'claude-opus-5' })).toBeInstanceOf(NotFoundError)
    expect(await refused({ model: 'claude-opus-5' })).toMatchObject({ type: 'not_found_error' })
    expect(await refused({ max_tokens: undefined })).toBeInstanceOf(BadRequestError)
    const tooLarge = await refused({ system: 'x'.repeat(5_000_000) })
    expect([tooLarge.status, tooLarge.type]).toEqual([413, 'request_too_large'])
    const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }
    const apiMessages = async (...bodies: object[]) =>
      Promise.all(bodies.map(async (body) => (await refused(body)).apiMessage))
    const user = (...content: object[]) => ({ messages: [{ role: 'user', content }] })
    const said = await apiMessages(
      user(image),
      user({ type: 'tool_result', tool_use_id: 'a', content: [image] }),
      user({ type: 'document', source: {} }),
      user(),
      { messages: [] },
      { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
      { tools: [WEATHER], tool_choice: { type: 'tool', name: 'other' } },
      { tool_choice: { type: 'any' } },
      { mcp_servers: [{ url: 'https://example.com' }] },
      {
        tools: [WEATHER],
        tool_choice: { type: 'any' },
        output_config: { format: { type: 'json_schema', schema: {} } },
      },
      { messages: [...HELLO.messages, { role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm' }] }] },
    )
    expect(said).toEqual([
      expect.stringMatching(
        /^Invalid value for messages\.0\.content\.0\.type: a block of type 'image' cannot be used here/,
      ),
      expect.stringMatching(/^Invalid value for messages\.0\.content\.0\.content\.0\.type: a block of type 'image'/),
      expect.stringContaining("a block of type 'document'"),
      expect.stringContaining('messages.0.content'),
      expect.stringMatching(/^Invalid value for messages: /),
      expect.stringContaining("there is no tool 'web_search_20250305' here"),
      expect.stringContaining("there is no tool 'other' among the tools"),
      expect.stringContaining('there are no tools to choose from'),
      expect.stringContaining('the model has no way to other servers'),
      expect.stringContaining('a call that must be made leaves no answer for a format'),
      expect.stringContaining('begins its answer with text'),
    ])
  })

  test('throws the error that ends a stream', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const model = new FakeModel('Hello')
    model.beforeDecode = async () => {
      if (model.decoded === 2) throw new Error('lost')
    }
    const client = await clientOf('', model)
    const stream = client.messages.stream(HELLO)
    await expect(stream.finalMessage()).rejects.toMatchObject({
      type: 'api_error',
      error: { request_id: expect.stringMatching(/./) },
    })
  })
})

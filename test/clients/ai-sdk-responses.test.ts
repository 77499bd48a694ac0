import { createOpenAI } from '@ai-sdk/openai'
import { APICallError, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { fakeApp } from '../support/fake-app.ts'
import { FakeModel, fakeChat } from '../support/fake-model.ts'
import { type ListeningApp, listen } from '../support/listen.ts'

// The AI SDK's own OpenAI provider over a socket: its default is the Responses API.

const CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Zürich"}}</tool_call>'

let server: ListeningApp
let asked: string[] = []
beforeAll(async () => {
  const model = new FakeModel((prompt, answer) => {
    if (answer === '') asked.push(prompt)
    const said = prompt.match(/^tool\n(.*)$/m)
    if (said) return `<think>It said so.</think>It is ${said[1]}.`
    if (prompt.includes('JSON')) return '{"city": "Bern"}'
    return prompt.startsWith('tools') ? `<think>I must ask.</think>Wait.${CALL}` : '<think>Hm.</think>Hello there!'
  })
  server = await listen(fakeApp(fakeChat(model)))
})
afterAll(() => server?.stop())

const model = (id = 'fake-model') => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' })(id)
const tools = {
  weather: tool({
    description: 'The weather in a city.',
    inputSchema: jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } } }),
    execute: async ({ city }) => `sunny in ${city}`,
  }),
}

describe("the AI SDK's OpenAI provider", () => {
  test('generates text and reasoning', async () => {
    const { text, reasoningText, usage, finishReason } = await generateText({ model: model(), prompt: 'Hi' })
    expect({ text, reasoningText, finishReason }).toEqual({
      text: 'Hello there!',
      reasoningText: 'Hm.',
      finishReason: 'stop',
    })
    expect(usage).toMatchObject({ outputTokens: 17, outputTokenDetails: { reasoningTokens: 5 } })
  })

  test('streams text and reasoning', async () => {
    const { fullStream } = streamText({ model: model(), prompt: 'Hi' })
    const deltas: string[] = []
    for await (const part of fullStream) {
      if (part.type === 'reasoning-delta' || part.type === 'text-delta') deltas.push(`${part.type} ${part.text}`)
      if (part.type === 'error') throw part.error
    }
    expect(deltas.slice(0, 3)).toEqual(['reasoning-delta H', 'reasoning-delta m', 'reasoning-delta .'])
    expect(
      deltas
        .slice(3)
        .map((delta) => delta.replace('text-delta ', ''))
        .join(''),
    ).toBe('Hello there!')
  })

  test.each(['whole', 'streamed'])('runs a loop of tools, %s', async (how) => {
    asked = []
    const settings = { model: model(), prompt: 'The weather?', tools, stopWhen: stepCountIs(3) }
    const result = how === 'whole' ? await generateText(settings) : streamText(settings)
    expect(await result.text).toBe('It is sunny in Zürich.')
    const steps = await result.steps
    expect(steps.map(({ text, reasoningText }) => [text, reasoningText])).toEqual([
      ['Wait.', 'I must ask.'],
      ['It is sunny in Zürich.', 'It said so.'],
    ])
    // What the SDK refers to by its id is in the prompt of the next step, once.
    expect(asked.at(-1)!.match(/Wait\./g)).toHaveLength(1)
  })

  test('generates an object', async () => {
    const schema = z.object({ city: z.string() })
    const { object } = await generateObject({ model: model(), prompt: 'A city as JSON', schema })
    expect(object).toEqual({ city: 'Bern' })
  })

  test('raises errors with their status', async () => {
    const failing = generateText({ model: model('gpt-5'), prompt: 'Hi', maxRetries: 0 })
    await expect(failing).rejects.toSatisfy((error) => APICallError.isInstance(error) && error.statusCode === 404)
  })
})

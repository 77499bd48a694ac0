import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadChatModel } from '../src/chat/load-chat-model.ts'
import { loadModel } from '../src/model/load.ts'
import { xgrammarModule } from '../src/pack/kernel-modules.ts'
import { folderStore } from '../src/weights/folder-store.ts'
import { kernelModules } from './support/embedded-model.ts'
import { type App, fakeApp, post } from './support/fake-app.ts'
import { hasQwen, qwenPack } from './support/qwen.ts'
import { type ServeCommand, serveCommand } from './support/serve-command.ts'

const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Get the current weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

describe.skipIf(!hasQwen)('Qwen2.5-Coder (skipped where `npm run model:qwen` has not run)', () => {
  let app: App

  beforeAll(async () => {
    const modules = await kernelModules()
    app = fakeApp(
      await loadChatModel(
        folderStore(qwenPack),
        (manifest) => loadModel(folderStore(qwenPack), manifest, modules, { contextLength: 1024, sequences: 1 }),
        xgrammarModule,
      ),
    )
  }, 60_000)

  async function answer(body: object) {
    const response = await post(app, { model: 'qwen2.5-coder-0.5b-instruct', temperature: 0, ...body })
    expect(response.status).toBe(200)
    return ((await response.json()) as { choices: { message: Record<string, unknown>; finish_reason: string }[] })
      .choices[0]
  }

  // This model never writes <tool_call>, whose row of the head it was not taught: it puts the call in a fence of JSON.
  test('writes the call of a tool that its template showed it', async () => {
    const { message } = await answer({
      messages: [{ role: 'user', content: 'What is the weather in Paris right now?' }],
      tools: [weather],
      max_tokens: 80,
    })
    const [call] = (message.content as string).match(/\{.*\}/s) ?? []
    expect(JSON.parse(call ?? '')).toEqual({ name: 'get_weather', arguments: { city: 'Paris' } })
  }, 120_000)

  test('writes code that runs', async () => {
    const { message } = await answer({
      messages: [
        {
          role: 'user',
          content: 'Write a JavaScript function add(a, b) that returns the sum. Only the code, no words.',
        },
      ],
      max_tokens: 80,
    })
    const code = (message.content as string).replaceAll(/^```\w*$/gm, '')
    expect(new Function(`${code}; return add(2, 3)`)()).toBe(5)
  }, 120_000)
})

describe.skipIf(!hasQwen)('Qwen2.5-Coder served to the openai SDK (skipped likewise)', () => {
  let server: ServeCommand
  let client: OpenAI

  beforeAll(async () => {
    server = await serveCommand([qwenPack, '--context', '1024', '--sequences', '1'])
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  }, 90_000)
  afterAll(() => server?.stop())

  const asking = (city: string) => ({
    model: 'qwen2.5-coder-0.5b-instruct',
    messages: [{ role: 'user' as const, content: `What is the weather in ${city} right now?` }],
    tools: [weather],
    tool_choice: 'required' as const,
    // Left to itself this model goes on to the weather of London and Tokyo.
    parallel_tool_calls: false,
    temperature: 0,
    max_tokens: 60,
  })

  test('calls a tool, and answers with what that gave', async () => {
    const request = asking('Paris')
    const { choices } = await client.chat.completions.create(request)
    const [{ message, finish_reason }] = choices
    expect(finish_reason).toBe('tool_calls')
    const [call, ...others] = message.tool_calls!
    expect(others).toEqual([])
    if (call.type !== 'function') throw new Error(call.type)
    expect(call.function.name).toBe('get_weather')
    expect(JSON.parse(call.function.arguments)).toEqual({ city: 'Paris' })
    const result = {
      role: 'tool' as const,
      tool_call_id: call.id,
      content: '{"temperature": "17 degrees", "sky": "clear"}',
    }
    const answer = await client.chat.completions.create({
      ...request,
      messages: [...request.messages, message, result],
      tool_choice: 'none',
    })
    expect(answer.choices[0].message.content).toContain('17')
  }, 240_000)

  test('calls a tool in a stream', async () => {
    const stream = client.chat.completions.stream(asking('Oslo'))
    const deltas: string[] = []
    stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => deltas.push(arguments_delta))
    const { choices } = await stream.finalChatCompletion()
    expect(choices[0].finish_reason).toBe('tool_calls')
    expect(choices[0].message.tool_calls).toMatchObject([{ type: 'function', function: { name: 'get_weather' } }])
    expect(deltas.length).toBeGreaterThan(2)
    expect(JSON.parse(deltas.join(''))).toEqual({ city: 'Oslo' })
  }, 240_000)
})

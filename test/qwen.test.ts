import { beforeAll, describe, expect, test } from 'vitest'
import { loadChatModel } from '../src/chat/load-chat-model.ts'
import { loadModel } from '../src/model/load.ts'
import { xgrammarModule } from '../src/pack/kernel-modules.ts'
import { folderStore } from '../src/weights/folder-store.ts'
import { kernelModules } from './support/embedded-model.ts'
import { type App, fakeApp, post } from './support/fake-app.ts'
import { hasQwen, qwenPack } from './support/qwen.ts'

const weather = {
  type: 'function',
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

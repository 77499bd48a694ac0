import type { Response as ResponseObject } from 'openai/resources/responses/responses'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fakeApp } from '../support/fake-app.ts'
import { FakeModel, fakeChat } from '../support/fake-model.ts'
import { type ListeningApp, listen } from '../support/listen.ts'
import { isInstalled, type PythonScript, startPython } from './python.ts'

// Python's client.responses over a socket: every major of openai that people use.

const HELLO = { model: 'fake-model', input: 'Hello?' }
const TOOL = { type: 'function', name: 'add', parameters: { type: 'object', properties: {} }, strict: false }

type Event = { type: string; sequence_number: number; response?: { id: string } }
type Called = { events: Event[]; result: never; error?: object }

/** Calls the tool, says what it said, and otherwise a capital in JSON. */
const model = () =>
  new FakeModel((prompt) => {
    const said = prompt.match(/^tool\n(.*)$/m)
    if (said) return `It is ${said[1]}.`
    if (!prompt.startsWith('tools')) return '<think>France …</think>{"capital": "Paris"}'
    return '<think>Sums.</think><tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'
  })

let server: ListeningApp
beforeAll(async () => {
  server = await listen(fakeApp(fakeChat(model())))
})
afterAll(() => server?.stop())

describe.each((['openai-1', 'openai-2', 'openai-3'] as const).map((name) => ({ name })))(
  "Python's $name",
  ({ name }) => {
    describe.skipIf(!isInstalled(name))('over a socket (installed by scripts/install-python-clients.sh)', () => {
      let script: PythonScript<object, Called>
      beforeAll(() => {
        script = startPython(name, 'responses.py')
      })
      afterAll(() => script?.stop())

      const call = async <Result>(method: string, args: object) =>
        (await script.call({ url: `${server.url}/v1`, apiKey: 'none', method, arguments: args })) as Omit<
          Called,
          'result'
        > & { result: Result }

      test('creates, and reads the same again', async () => {
        const { result } = await call<ResponseObject>('create', HELLO)
        expect(result).toMatchObject({
          status: 'completed',
          output: [
            { type: 'reasoning', content: [{ text: 'France …' }] },
            { type: 'message', content: [{ text: '{"capital": "Paris"}' }] },
          ],
        })
        expect((await call('retrieve', { response_id: result.id })).result).toEqual(result)
        const items = await call('input_items', { response_id: result.id })
        expect(items.result).toMatchObject({ data: [{ content: [{ text: 'Hello?' }] }] })
        await call('delete', { response_id: result.id })
        expect(await call('retrieve', { response_id: result.id })).toEqual({
          error: { status: 404, code: 'response_not_found' },
        })
      })

      test('streams, resumes, and puts the stream together', async () => {
        const { events } = await call('create', { ...HELLO, stream: true })
        expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index))
        const again = { response_id: events[0].response!.id, stream: true, starting_after: 9 }
        expect((await call('retrieve', again)).events).toEqual(events.slice(10))
        const helper = await call<ResponseObject>('helper', HELLO)
        expect(helper.result).toMatchObject({
          output: [{ type: 'reasoning' }, { content: [{ text: '{"capital": "Paris"}' }] }],
        })
      })

      test('parses JSON into a model', async () => {
        expect((await call('parse', HELLO)).result).toEqual({ capital: 'Paris' })
      })

      test('calls a tool, and goes on by previous_response_id', async () => {
        const asked = await call<ResponseObject>('create', { ...HELLO, tools: [TOOL] })
        const { call_id } = asked.result.output.find((item) => item.type === 'function_call')!
        const next = { model: 'fake-model', previous_response_id: asked.result.id, tools: [TOOL] }
        const input = [{ type: 'function_call_output', call_id, output: '3' }]
        const { result } = await call<ResponseObject>('create', { ...next, input })
        expect(result.output).toMatchObject([{ type: 'message', content: [{ text: 'It is 3.' }] }])
      })

      test('runs in the background, and cancels', async () => {
        const { result } = await call<ResponseObject>('create', { ...HELLO, background: true })
        expect(['in_progress', 'completed']).toContain(result.status)
        const { status } = (await call<ResponseObject>('cancel', { response_id: result.id })).result
        expect(['cancelled', 'completed']).toContain(status)
      })

      test('raises what the server refuses', async () => {
        const wrong = await call('create', { ...HELLO, tools: [{ type: 'web_search' }] })
        expect(wrong.error).toEqual({ status: 400, code: 'invalid_value' })
      })
    })
  },
)

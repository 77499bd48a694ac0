import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type App, fakeApp, readEvents } from '../support/fake-app.ts'
import { FakeModel, fakeChat } from '../support/fake-model.ts'

// Bodies of POST /v1/responses, right and wrong: each is refused as it should be, or told the same live, whole and again.

const text = fc.constantFrom('', 'Hi', '</think>', '<|im_end|>', '\0', '😀', '\ud800', '__proto__', '[DONE]\n\n')
const any = fc.oneof(
  text,
  fc.json({ maxDepth: 2 }).map((json) => JSON.parse(json)),
)
/** As it should be, but for one in thirty. */
const mostly = (right: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 29, arbitrary: right }, { weight: 1, arbitrary: any })
const some = (fields: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[] = []) =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([name, right]) => [name, mostly(right)])), { requiredKeys })

const is = (type: string) => fc.constant(type)
const part = some({ type: fc.constantFrom('input_text', 'output_text'), text }, ['type', 'text'])
const content = fc.oneof(text, fc.array(part, { maxLength: 2 }))
const role = fc.constantFrom('user', 'assistant', 'system', 'developer')
const item = fc.oneof(
  some({ type: is('message'), role, content }, ['role', 'content']),
  some({ type: is('reasoning'), summary: fc.array(some({ text }, ['text']), { maxLength: 2 }) }, ['type', 'summary']),
  some({ type: is('function_call'), call_id: text, name: text, arguments: text }, [
    ...['type', 'call_id', 'name', 'arguments'],
  ]),
  some({ type: is('function_call_output'), call_id: text, output: content }, ['type', 'call_id', 'output']),
)
const tool = some({ type: is('function'), name: is('f'), parameters: fc.object() }, ['type', 'name'])
const body = some(
  {
    input: fc.oneof(is('Hi'), fc.array(item, { minLength: 1, maxLength: 5 })),
    instructions: text,
    tools: fc.array(tool, { minLength: 1, maxLength: 2 }),
    tool_choice: fc.constantFrom('auto', 'none'),
    text: fc.constantFrom({ format: { type: 'text' } }, { verbosity: 'low' }),
    reasoning: fc.constantFrom({ effort: 'low' }, { summary: null }),
    max_output_tokens: fc.constantFrom(1, 5, 100, 1e300),
    include: fc.constantFrom(['message.output_text.logprobs'], ['x']),
    top_logprobs: fc.constantFrom(0, 2, 20),
    store: fc.boolean(),
    metadata: fc.dictionary(text, text, { maxKeys: 2 }),
  },
  ['input'],
)

const ANSWERS = [
  'Hello!',
  '',
  '<think>Hm.</think>',
  '<think>a</think>b<think>c</think>d',
  '<tool_call>{"name": "f", "arguments": {}}</tool_call><tool_call>{"name": "g", "arguments": {"a": 1}}</tool_call>',
  '<tool_call>{"name": "f", "arguments": {"a" 1}}</tool_call> no call',
]

function post(app: App, path: string, sent: object) {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(sent) }
  return Promise.resolve(app.request(path, init))
}

test('200 generated bodies', async () => {
  const statuses: Record<number, number> = {}
  const property = fc.asyncProperty(body, fc.constantFrom(...ANSWERS), async (sent, answer) => {
    const app = fakeApp(fakeChat(new FakeModel(answer)))
    const asked = { ...(sent as object), model: 'fake-model' }
    const whole = await post(app, '/v1/responses', asked)
    statuses[whole.status] = (statuses[whole.status] ?? 0) + 1
    const streamed = await post(app, '/v1/responses', { ...asked, stream: true })
    expect(streamed.status).toBe(whole.status)
    const object = (await whole.json()) as { id: string; store: boolean; output: object[]; error: object }
    if (whole.status !== 200) {
      expect(whole.status).toBeLessThan(500)
      expect(object.error).toMatchObject({ message: expect.any(String), type: 'invalid_request_error' })
      return
    }
    const events: { type: string; sequence_number: number; response: typeof object }[] = []
    for await (const data of readEvents(streamed)) if (data !== '[DONE]') events.push(JSON.parse(data))
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index))
    const told = events.at(-1)!.response
    expect(comparable(told)).toEqual(comparable(object))
    const again = await app.request(`/v1/responses/${told.id}`)
    if (object.store) expect(await again.json()).toEqual(told)
    else expect(again.status).toBe(404)
  })
  await fc.assert(property, { seed: 5, numRuns: 200 })
  // Neither were all of them wrong, nor all right.
  expect(statuses[200]).toBeGreaterThan(20)
  expect(statuses[400]).toBeGreaterThan(20)
})

/** Without what differs between two responses to the same. */
function comparable(response: object): string {
  return JSON.stringify(response, (key, value) =>
    ['id', 'call_id', 'created_at', 'completed_at'].includes(key) ? undefined : value,
  )
}

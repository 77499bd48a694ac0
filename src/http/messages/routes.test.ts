import { afterEach, describe, expect, test, vi } from 'vitest'
import { type App, fakeApp } from '../../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../../test/support/fake-model.ts'
import { createApp } from '../app.ts'
import { HEARTBEAT_MS } from '../sse.ts'

afterEach(() => vi.restoreAllMocks())

const HELLO = { model: 'fake-model', max_tokens: 1000, messages: [{ role: 'user', content: 'Hello?' }] }
const TOOL = { name: 'f', input_schema: { type: 'object' } }

function post(app: App, body: object, path = ''): Promise<Response> {
  const request = new Request(`http://localhost/v1/messages${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  return Promise.resolve(app.request(request))
}

interface MessageEvent {
  type: string
  index?: number
  content_block?: object
  delta?: Record<string, unknown>
}

/** The events of a stream of one answer, without signs of life. */
async function eventsOf(script: string, body: object = {}): Promise<MessageEvent[]> {
  const response = await post(fakeApp(fakeChat(new FakeModel(script))), { ...HELLO, stream: true, ...body })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const events = (await response.text()).replaceAll(/^: \n/gm, '').split('\n\n').slice(0, -1)
  return events.flatMap((event) => {
    const [, name, data] = /^event: (.*)\ndata: (.*)(?:\nid: msg_\w+:\d+)?$/.exec(event)!
    expect(JSON.parse(data).type).toBe(name)
    return name === 'ping' ? [] : [JSON.parse(data)]
  })
}

/** What a stream says: the type of each block, and the texts of its deltas. */
function blocksOf(events: readonly MessageEvent[]): string[] {
  const blocks: string[] = []
  let open: number | undefined
  for (const { type, index, content_block, delta } of events) {
    if (type === 'content_block_start') {
      expect([open, index]).toEqual([undefined, blocks.length])
      open = index
      blocks.push(`${(content_block as { type: string }).type}: `)
    } else if (type === 'content_block_delta') {
      expect(index).toBe(open)
      blocks[index!] += delta!.text ?? delta!.thinking ?? delta!.partial_json ?? ''
    } else if (type === 'content_block_stop') {
      expect(index).toBe(open)
      open = undefined
    }
  }
  expect(open).toBeUndefined()
  return blocks
}

const call = (text: string) => `<tool_call>\n${text}\n</tool_call>`

describe('a stream', () => {
  test('has one block after the other between its start and its stop', async () => {
    const script = `<think>\nHm.\n</think>\n\nFirst.${call('{"name": "f", "arguments": {"a": 1}}')}${call('{"name": "f", "arguments": {}}')}Last.`
    const events = await eventsOf(script, { tools: [TOOL] })
    expect(events[0]).toMatchObject({
      type: 'message_start',
      message: { content: [], stop_reason: null, usage: { input_tokens: expect.any(Number), output_tokens: 0 } },
    })
    expect(events[0]).not.toHaveProperty('message.usage.input_tokens', 0)
    expect(blocksOf(events)).toEqual([
      'thinking: Hm.',
      'text: First.',
      'tool_use: {"a": 1}',
      'tool_use: {}',
      'text: Last.',
    ])
    expect(events.slice(-2)).toMatchObject([
      {
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: expect.any(Number), nanbeige: { route: 'edge' } },
      },
      { type: 'message_stop' },
    ])
  })

  test('does not tell of a call that turns out to be none', async () => {
    const broken = '<tool_call>\n{"name": "f", "arguments": {"a": 1} x</tool_call>'
    const events = await eventsOf(broken, { tools: [TOOL] })
    expect(blocksOf(events)).toEqual([`text: ${broken}`])
    expect(events.at(-2)!.delta!.stop_reason).toBe('end_turn')
  })

  test('tells of a call while it is written where the tool wants it so', async () => {
    const eager = { tools: [{ ...TOOL, eager_input_streaming: true }] }
    const events = await eventsOf(call('{"name": "f", "arguments": {"a": "long"}}'), eager)
    expect(events.filter(({ delta }) => delta?.type === 'input_json_delta').length).toBeGreaterThan(5)
    expect(blocksOf(events)).toEqual(['tool_use: {"a": "long"}'])
    const broken = '<tool_call>\n{"name": "f", "arguments": {"a": 1} x</tool_call>'
    expect(blocksOf(await eventsOf(broken, eager))).toEqual(['tool_use: {"a": 1}', `text: ${broken}`])
  })

  test('has the piece of a call that the limit has cut', async () => {
    const body = { tools: [TOOL], max_tokens: 35 }
    const script = call('{"name": "f", "arguments": {"a": "long"}}')
    const events = await eventsOf(script, body)
    expect(blocksOf(events)).toEqual([expect.stringMatching(/^tool_use: \{"a/)])
    expect(events.at(-2)!.delta!.stop_reason).toBe('max_tokens')
    const whole = await (await post(fakeApp(fakeChat(new FakeModel(script))), { ...HELLO, ...body })).json()
    expect(whole).toMatchObject({ content: [{ type: 'tool_use', name: 'f', input: {} }], stop_reason: 'max_tokens' })
  })

  test('without a word has no block', async () => {
    expect(blocksOf(await eventsOf(''))).toEqual([])
  })

  test('says that it lives, after its start', async () => {
    const model = new FakeModel('Hi.')
    model.beforeDecode = () => new Promise((resolve) => setTimeout(resolve, 1.2 * HEARTBEAT_MS))
    const text = await (await post(fakeApp(fakeChat(model)), { ...HELLO, stream: true, max_tokens: 2 })).text()
    expect(text).toMatch(/^: \nevent: message_start\n/)
    expect(text).toContain('\n\nevent: ping\ndata: {"type":"ping"}\n\n')
  })
})

test('a whole message has numbers as the model wrote them', async () => {
  const app = fakeApp(
    fakeChat(new FakeModel(call('{"name": "f", "arguments": {"id": 12345678901234567890, "x": [1.0, -2e3]}}'))),
  )
  expect(await (await post(app, { ...HELLO, tools: [TOOL] })).text()).toContain(
    '"input":{"id":12345678901234567890,"x":[1.0,-2e3]}',
  )
})

describe('errors have the form of the API', () => {
  const error = (type: string) => ({
    type: 'error',
    error: { type, message: expect.any(String) },
    request_id: expect.stringMatching(/./),
  })

  test.each([
    ['GET', '', 405, 'invalid_request_error'],
    ['GET', '/count_tokens', 405, 'invalid_request_error'],
    ['POST', '/batches', 404, 'not_found_error'],
    ['POST', '', 415, 'invalid_request_error'],
  ])('%s /v1/messages%s: %d', async (method, path, status, type) => {
    const response = await fakeApp().request(`http://localhost/v1/messages${path}`, { method })
    expect([response.status, await response.json()]).toEqual([status, error(type)])
    expect(response.headers.get('request-id')).toBe(response.headers.get('x-request-id'))
  })

  test('where a key is needed', async () => {
    const digest = '0'.repeat(64)
    const apiKeys = JSON.stringify([{ name: 'a', sha256: digest }])
    const app = createApp({ model: () => Promise.reject(new Error('asked')), health: () => ({}), access: { apiKeys } })
    const response = await post(app, HELLO)
    expect([response.status, await response.json()]).toEqual([401, error('authentication_error')])
    expect(response.headers.get('request-id')).toBe(response.headers.get('x-request-id'))
  })

  test('where a whole message fails late', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const model = new FakeModel('Hello')
    model.beforeDecode = async () => {
      if (model.decoded < 2) return
      await new Promise((resolve) => setTimeout(resolve, 1200))
      throw new Error('lost')
    }
    const response = await post(fakeApp(fakeChat(model)), HELLO)
    let text = ''
    const read = async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk
    }
    await expect(read()).rejects.toThrow()
    expect(JSON.parse(text)).toEqual(error('api_error'))
  })

  test('where the model cannot be loaded', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const app = createApp({ model: () => Promise.reject(new Error('no weights')), health: () => ({}) })
    for (const path of ['', '/count_tokens']) {
      const response = await post(app, HELLO, path)
      expect([response.status, await response.json()]).toEqual([503, error('api_error')])
    }
  })
})

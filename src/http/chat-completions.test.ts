import { afterEach, describe, expect, test, vi } from 'vitest'
import { allEvents, fakeApp, HELLO, post } from '../../test/support/fake-app.ts'
import { FakeModel, fakeChat, templateFor } from '../../test/support/fake-model.ts'
import { ChatTemplate } from '../chat/template.ts'

afterEach(() => vi.restoreAllMocks())

interface ToolCallDelta {
  index: number
  id?: string
  type?: string
  function: { name?: string; arguments: string }
}

interface Delta {
  role?: string
  content?: string
  reasoning_content?: string
  reasoning?: string
  tool_calls?: ToolCallDelta[]
}

interface Chunk {
  id: string
  object: string
  created: number
  model: string
  choices: { index: number; delta: Delta; finish_reason: string | null; logprobs: unknown }[]
  usage?: object | null
  timings?: object
}

const PROMPT_TOKENS = '.user\nHello?.\n.assistant\n'.length
const USAGE = {
  prompt_tokens: PROMPT_TOKENS,
  completion_tokens: 12,
  total_tokens: PROMPT_TOKENS + 12,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
  nanbeige: { route: 'edge', reason: 'no-origin', edge_tokens: 12, origin_tokens: 0 },
}
const TIMINGS = {
  cache_n: 0,
  prompt_n: PROMPT_TOKENS,
  prompt_ms: expect.any(Number),
  prompt_per_token_ms: expect.any(Number),
  prompt_per_second: expect.toSatisfy((value) => value === null || value > 0),
  predicted_n: 12,
  predicted_ms: expect.any(Number),
  predicted_per_token_ms: expect.any(Number),
  predicted_per_second: expect.toSatisfy((value) => value === null || value > 0),
}
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
const CALL = '<tool_call>\n{"name": "f", "arguments": {"a": "é", "b": [1.0]}}\n</tool_call>'

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
      usage: USAGE,
      timings: TIMINGS,
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
    expect(chunks.map(({ timings }) => timings).filter(Boolean)).toEqual([TIMINGS])
    expect(chunks.at(-1)!.timings).toBeDefined()
  })

  test('has the usage last where it is asked for, null before', async () => {
    const body = { ...HELLO, stream: true, stream_options: { include_usage: true } }
    const chunks = await chunksOf(await post(fakeApp(), body))
    const last = chunks.pop()!
    expect(last.choices).toEqual([])
    expect(last.usage).toEqual(USAGE)
    expect(last.timings).toEqual(TIMINGS)
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

describe('reasoning and tool calls', () => {
  const answer = `<think>\nHm.\n</think>\n\nWait.\n${CALL}\n${CALL}`
  const app = (script = answer) => fakeApp(fakeChat(new FakeModel(script)))
  const body = { ...HELLO, tools: TOOLS }

  async function whole(script = answer, change: object = {}) {
    const { choices, usage } = (await (await post(app(script), { ...body, ...change })).json()) as {
      choices: { message: Record<string, unknown>; finish_reason: string; logprobs: unknown }[]
      usage: unknown
    }
    return { ...choices[0], usage }
  }

  const deltas = async (script = answer) =>
    (await chunksOf(await post(app(script), { ...body, stream: true }))).map(({ choices }) => choices[0])

  const toolCall = {
    id: expect.stringMatching(/^call_[0-9a-f]{32}$/),
    type: 'function',
    function: { name: 'f', arguments: '{"a": "é", "b": [1.0]}' },
  }

  test('are fields of the message', async () => {
    expect(await whole()).toMatchObject({
      message: {
        role: 'assistant',
        content: 'Wait.',
        refusal: null,
        reasoning_content: 'Hm.',
        reasoning: 'Hm.',
        tool_calls: [toolCall, toolCall],
      },
      finish_reason: 'tool_calls',
      usage: { completion_tokens_details: { reasoning_tokens: '.\nHm.\n.\n\n'.length } },
    })
  })

  test('without words leave the content null', async () => {
    expect((await whole(`<think>\nHm.\n</think>\n\n${CALL}`)).message.content).toBeNull()
    expect((await whole('<think>\nHm.\n</think>\n\n')).message.content).toBe('')
  })

  test('that are malformed leave text alone', async () => {
    const broken = '<tool_call>{"name": "f", "arguments": {"a": 1}'
    expect(await whole(broken)).toMatchObject({ message: { content: broken }, finish_reason: 'stop' })
    expect((await whole(broken)).message).not.toHaveProperty('tool_calls')
    const choices = await deltas(broken)
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe(broken)
    expect(choices.at(-1)!.finish_reason).toBe('stop')
  })

  test('are streamed as deltas that join to the same message', async () => {
    const choices = await deltas()
    expect(choices.at(-1)).toMatchObject({ delta: {}, finish_reason: 'tool_calls' })
    const text = (name: 'content' | 'reasoning' | 'reasoning_content') =>
      choices.map(({ delta }) => delta[name] ?? '').join('')
    expect([text('content'), text('reasoning'), text('reasoning_content')]).toEqual(['Wait.', 'Hm.', 'Hm.'])
    const calls = choices.flatMap(({ delta }) => delta.tool_calls ?? [])
    for (const index of [0, 1]) {
      const [first, ...more] = calls.filter((call) => call.index === index)
      expect(first).toEqual({ ...toolCall, index, function: { name: 'f', arguments: '' } })
      expect(more.map(({ function: { arguments: text } }) => text)).toEqual([...'{"a": "é", "b": [1.0]}'])
      for (const call of more) expect(Object.keys(call)).toEqual(['index', 'function'])
    }
    expect(calls[0].id).not.toBe(calls.find(({ index }) => index === 1)!.id)
  })

  test('have logprobs: content its own, reasoning beside it', async () => {
    const { logprobs } = (await whole(answer, { logprobs: true })) as {
      logprobs: { content: { token: string }[]; reasoning: { token: string }[] }
    }
    const text = (tokens: { token: string }[]) => tokens.map(({ token }) => token).join('')
    expect([text(logprobs.content), text(logprobs.reasoning)]).toEqual(['Wait.', '<think>\nHm.\n</think>\n\n'])
  })

  test('can be limited to one call, or to none', async () => {
    const { message, finish_reason } = await whole(answer, { parallel_tool_calls: false })
    expect([message.tool_calls, finish_reason]).toEqual([[toolCall], 'tool_calls'])
    const none = await whole(CALL, { tool_choice: 'none' })
    expect([none.message.content, none.finish_reason]).toEqual([CALL, 'stop'])
  })

  test('go back to the model as the template writes them', async () => {
    const template = new ChatTemplate(
      `{% for m in messages %}{{ m.role }}:{{ m.reasoning_content }}:{{ m.content }}:{{ m.tool_calls | default([]) | tojson }}|{% endfor %}{{ '\\n' }}<|im_start|>assistant{{ '\\n' }}`,
    )
    const chat = fakeChat(new FakeModel((prompt) => prompt.split('\n')[0]), { template })
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }
    const messages = [
      { role: 'user', content: 'Go.' },
      { role: 'assistant', content: null, reasoning: 'Hm.', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: '2' },
    ]
    const { choices } = (await (await post(fakeApp(chat), { messages })).json()) as {
      choices: { message: { content: string } }[]
    }
    const [, assistant, tool] = choices[0].message.content.split('|')
    expect(assistant).toMatch(/^assistant:Hm\.::\[.*"arguments": ?\{"a": ?1\}.*\]$/)
    expect(tool).toMatch(/^tool::2:/)
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

/** Answers with its prompt, but for the header of the answer. */
function echo(source: string) {
  const template = templateFor(`${source}{{ '\\n' }}<|im_start|>assistant{{ '\\n' }}`)
  return fakeApp(fakeChat(new FakeModel((prompt) => prompt.split('\n')[0]), { template }))
}

describe('tools and calls come back as they were written', () => {
  const WRITTEN =
    '{"10": 48.0, "2": [-0.0, 1e-07, 9007199254740993, 12345678901234567890123], "b": "é<", "a": {"": null}}'

  test.each([
    [
      'a schema',
      '{{ tools[0].function.parameters | tojson }}',
      `"tools": [{"type": "function", "function": {"name": "f", "parameters": ${WRITTEN}}}]`,
      '{"role": "user", "content": ""}',
    ],
    [
      'arguments in text',
      '{{ messages[0].tool_calls[0].function.arguments | tojson }}',
      '"n": 1',
      `{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": ${JSON.stringify(WRITTEN)}}}]}`,
    ],
    [
      'arguments as an object',
      '{{ messages[0].tool_calls[0].function.arguments | tojson }}',
      '"n": 1',
      `{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": ${WRITTEN}}}]}`,
    ],
  ])('%s', async (_, template, field, message) => {
    const response = await post(echo(template), `{${field}, "messages": [${message}]}`)
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] }
    expect(choices[0].message.content).toBe(WRITTEN)
  })

  test.each(['""', '" "', 'null', undefined])('no arguments, %s, are an empty object', async (written) => {
    const call = `{"name": "f"${written === undefined ? '' : `, "arguments": ${written}`}}`
    const app = echo('{{ messages[0].tool_calls[0].function.arguments | tojson }}')
    const response = await post(app, `{"messages": [{"role": "assistant", "tool_calls": [{"function": ${call}}]}]}`)
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: '{}' } }] })
  })
})

test.each([
  [
    'a number of too many digits',
    `"tools": [{"type": "function", "function": {"name": "f", "parameters": {"a": ${'1'.repeat(5000)}}}}]`,
    '{"role": "user", "content": ""}',
  ],
  [
    'arguments of too many values',
    '"n": 1',
    `{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[${'{},'.repeat(200_000)}0]"}}]}`,
  ],
])('%s are refused', async (_, field, message) => {
  const response = await post(fakeApp(), `{${field}, "messages": [${message}]}`)
  expect([response.status, await response.json()]).toMatchObject([400, { error: { type: 'invalid_request_error' } }])
})

test('a template that takes too long is an error of the request', async () => {
  const app = echo('{% for i in range(3000) %}{% for j in range(3000) %}{{ i }}{% endfor %}{% endfor %}')
  const response = await post(app, HELLO)
  expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'chat_template_error' } }])
})

test('the settings of the request reach the sampler', async () => {
  const app = fakeApp(fakeChat(new FakeModel('i')))
  const body = { ...HELLO, max_tokens: 1, logit_bias: { [`${'i'.charCodeAt(0)}`]: -100 } }
  expect(await (await post(app, body)).json()).toMatchObject({ choices: [{ message: { content: 'j' } }] })
})

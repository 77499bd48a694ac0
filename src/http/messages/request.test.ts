import { describe, expect, test } from 'vitest'
import { type MessagesBody, messagesBody } from './body.ts'
import { chatRequest } from './request.ts'

const BASE = { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] }
const TOOLS = [
  { name: 'f', description: 'd', input_schema: { type: 'object', properties: { 10: {}, 9: {} } }, strict: true },
]

function requestOf(body: object) {
  const whole = { ...BASE, ...body }
  return chatRequest(messagesBody.parse(whole) as MessagesBody, JSON.stringify(whole))
}

test('what is left out asks for nothing', () => {
  expect(requestOf({})).toEqual({
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    maxTokens: 10,
    sampling: {},
    stop: [],
  })
})

test('sampling and stop sequences', () => {
  const { sampling, stop } = requestOf({ temperature: 0.5, top_p: 0.9, top_k: -1, stop_sequences: ['a', ' '] })
  expect({ sampling, stop }).toEqual({ sampling: { temperature: 0.5, topP: 0.9, topK: 0 }, stop: ['a', ' '] })
})

describe('tools', () => {
  test('are in the form of templates, with the order of keys that the client wrote', () => {
    const source = `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"Hi"}],
      "tools":[{"name":"f","cache_control":{"type":"ephemeral"},"input_schema":{"type":"object","properties":{"10":{},"9":{}}}}]}`
    const { tools } = chatRequest(messagesBody.parse(JSON.parse(source)), source)
    const schema = new Map<string, unknown>([
      ['type', 'object'],
      [
        'properties',
        new Map([
          ['10', new Map()],
          ['9', new Map()],
        ]),
      ],
    ])
    expect(tools).toEqual([
      new Map<string, unknown>([
        ['type', 'function'],
        [
          'function',
          new Map<string, unknown>([
            ['name', 'f'],
            ['parameters', schema],
          ]),
        ],
      ]),
    ])
  })

  test.each([
    [undefined, { toolChoice: undefined, parallelToolCalls: undefined }],
    [{ type: 'auto' }, { toolChoice: undefined, parallelToolCalls: true }],
    [
      { type: 'auto', disable_parallel_tool_use: true },
      { toolChoice: undefined, parallelToolCalls: false },
    ],
    [{ type: 'any' }, { toolChoice: 'required', parallelToolCalls: true }],
    [
      { type: 'any', disable_parallel_tool_use: true },
      { toolChoice: 'required', parallelToolCalls: false },
    ],
    [
      { type: 'tool', name: 'f' },
      { toolChoice: { names: ['f'], required: true }, parallelToolCalls: true },
    ],
  ])('are chosen by %j', (tool_choice, expected) => {
    const { tools, toolChoice, parallelToolCalls } = requestOf({ tools: TOOLS, tool_choice })
    expect({ toolChoice, parallelToolCalls }).toEqual(expected)
    expect(tools).toHaveLength(1)
  })

  test('are not offered where none may be called', () => {
    expect(requestOf({ tools: TOOLS, tool_choice: { type: 'none' } }).tools).toBeUndefined()
  })
})

test.each(['output_config', 'output_format'])('a schema in %s binds the answer', (field) => {
  const schema = { type: 'object', additionalProperties: false }
  const format = { type: 'json_schema', schema }
  const { constraint } = requestOf({ [field]: field === 'output_config' ? { format } : format })
  expect(constraint).toEqual({ kind: 'schema', schema, strict: true })
})

test.each([
  [{ output_config: { effort: 'high' } }, 8192, 'high'],
  [{ thinking: { type: 'adaptive' } }, undefined, undefined],
  [{ thinking: { type: 'enabled', budget_tokens: 2000 }, output_config: { effort: 'low' } }, 2000, 'low'],
  [{ thinking: { type: 'disabled' }, output_config: { effort: 'max' } }, 0, 'max'],
])('%j limits the thinking', (body, budget, effort) => {
  const { reasoningBudget, reasoningEffort } = requestOf(body)
  expect([reasoningBudget, reasoningEffort]).toEqual([budget, effort])
})

describe('turns', () => {
  const messagesOf = (...messages: object[]) =>
    requestOf({ messages: [...messages, { role: 'user', content: '?' }] }).messages.slice(0, -1)

  test('of one side that follow each other are one', () => {
    const messages = messagesOf(
      { role: 'user', content: 'a' },
      { role: 'user', content: [{ type: 'text', text: 'b' }] },
      { role: 'assistant', content: 'c' },
      { role: 'assistant', content: [] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'd' },
          { type: 'tool_use', id: 'i', name: 'f', input: { x: 1.0 } },
        ],
      },
    )
    expect(messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      {
        role: 'assistant',
        content: 'cd',
        tool_calls: [{ id: 'i', type: 'function', function: { name: 'f', arguments: new Map([['x', 1]]) } }],
      },
    ])
  })

  test('have the thinking of any server that wrote it', () => {
    const thinking = (text: string, signature?: string) => ({ type: 'thinking', thinking: text, signature })
    const content = [
      thinking('one ', 'EqQB…'),
      { type: 'redacted_thinking', data: 'x' },
      thinking('two'),
      thinking('', 'nanbeige-edge:%'),
    ]
    expect(messagesOf({ role: 'assistant', content })).toEqual([
      { role: 'assistant', content: '', reasoning_content: 'one two', tool_calls: [] },
    ])
  })

  test('of the system stand where they are', () => {
    const { messages } = requestOf({
      system: 'S',
      messages: [
        { role: 'user', content: 'a' },
        { role: 'system', content: 'T' },
        { role: 'user', content: 'b' },
      ],
    })
    expect(messages.map(({ role }) => role)).toEqual(['system', 'user', 'system', 'user'])
  })
})

import { describe, expect, test } from 'vitest'
import { fakeApp } from '../../../test/support/fake-app.ts'
import { type ResponseBody, responseBody } from './body.ts'
import { responseRequest } from './request.ts'

const TOOLS = [
  { type: 'function', name: 'add', description: 'Adds.', parameters: { type: 'object' }, strict: true },
  { type: 'function', name: 'sub' },
]

function requestOf(body: object) {
  const source = JSON.stringify({ input: 'Hi', ...body })
  const parsed: ResponseBody = responseBody.parse(JSON.parse(source))
  return responseRequest(parsed, [{ type: 'message', role: 'user', content: 'Hi' }], source)
}

describe('the request behind a body', () => {
  test('has the settings under their own names', () => {
    const { sampling, ...request } = requestOf({
      max_output_tokens: 7,
      temperature: 0.5,
      top_p: 0.9,
      top_k: 5,
      seed: 3,
      stop: 'END',
      parallel_tool_calls: false,
      reasoning: { effort: 'low' },
      // Of other APIs: nothing here.
      max_reasoning_tokens: 'many',
    })
    expect(sampling).toMatchObject({ temperature: 0.5, topP: 0.9, topK: 5, seed: 3 })
    expect(request).toMatchObject({
      maxTokens: 7,
      stop: ['END'],
      parallelToolCalls: false,
      reasoningBudget: 512,
      reasoningEffort: 'low',
      topLogprobs: undefined,
    })
  })

  test('has tools as chat completions have them, word by word', () => {
    const source =
      '{"input": "Hi", "tools": [{"type": "function", "name": "f", "parameters": {"b": 1.0, "1": 12345678901234567890}}]}'
    const { tools } = responseRequest(responseBody.parse(JSON.parse(source)), [], source)
    const [tool] = tools as [Map<string, Map<string, Map<string, unknown>>>]
    expect([...tool.keys()]).toEqual(['type', 'function'])
    expect([...tool.get('function')!.keys()]).toEqual(['name', 'parameters'])
    expect([...tool.get('function')!.get('parameters')!.keys()]).toEqual(['b', '1'])
  })

  test.each([
    ['auto', undefined],
    ['required', 'required'],
    [
      { type: 'function', name: 'add' },
      { names: ['add'], required: true },
    ],
    [
      { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'sub' }] },
      { names: ['sub'], required: false },
    ],
    [
      { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'sub' }] },
      { names: ['sub'], required: true },
    ],
  ])('tool_choice %j', (tool_choice, toolChoice) => {
    expect(requestOf({ tools: TOOLS, tool_choice }).toolChoice).toEqual(toolChoice)
  })

  test('tool_choice none offers no tools', () => {
    expect(requestOf({ tools: TOOLS, tool_choice: 'none' })).toMatchObject({ tools: undefined, toolChoice: undefined })
  })

  test.each([
    [{ type: 'text' }, undefined],
    [{ type: 'json_object' }, { kind: 'json' }],
    [
      { type: 'json_schema', name: 'a', schema: { type: 'object' }, strict: true },
      { kind: 'schema', schema: { type: 'object' }, strict: true },
    ],
    [
      { type: 'json_schema', schema: {} },
      { kind: 'schema', schema: {}, strict: false },
    ],
  ])('text.format %j', (format, constraint) => {
    expect(requestOf({ text: { format } }).constraint).toEqual(constraint)
  })

  test.each([
    [{ include: ['message.output_text.logprobs'] }, 0],
    [{ include: ['message.output_text.logprobs'], top_logprobs: 3 }, 3],
    [{ top_logprobs: 3 }, 3],
    [{ include: ['reasoning.encrypted_content'] }, undefined],
  ])('%j', (body, topLogprobs) => {
    expect(requestOf(body).topLogprobs).toBe(topLogprobs)
  })
})

describe('a body is refused', () => {
  const image = { role: 'user', content: [{ type: 'input_image', image_url: 'data:,' }] }
  test.each<[object, string, string]>([
    [{ input: undefined }, 'input', 'nothing to answer'],
    [{ input: [] }, 'input', 'nothing to answer'],
    [{ input: [{ type: 'web_search_call', id: 'ws_1' }] }, 'input.0.type', "'function_call_output'"],
    [{ input: [{ role: 'tool', content: 'x' }] }, 'input.0.role', ''],
    [{ input: [{ type: 'function_call', name: 'f' }] }, 'input.0.call_id', ''],
    [{ input: [image] }, 'input', "'input_image'"],
    [{ tools: [{ type: 'web_search' }] }, 'tools.0.type', 'runs no tools'],
    [{ tools: TOOLS, tool_choice: { type: 'function', name: 'mul' } }, 'tool_choice', "'mul'"],
    [{ tools: TOOLS, tool_choice: { type: 'file_search' } }, 'tool_choice', 'functions'],
    [{ tool_choice: 'required' }, 'tool_choice', 'no tools'],
    [{ truncation: 'auto' }, 'truncation', 'shorten the input'],
    [{ conversation: 'conv_1' }, 'conversation', 'previous_response_id'],
    [{ prompt: { id: 'pmpt_1' } }, 'prompt', 'instructions'],
    [{ messages: [] }, 'messages', 'input'],
    [{ response_format: { type: 'json_object' } }, 'response_format', 'text.format'],
    [{ max_tokens: 5 }, 'max_tokens', 'max_output_tokens'],
    [{ background: true, store: false }, 'store', 'background'],
    [{ text: { format: { type: 'grammar' } } }, 'text.format.type', ''],
    [{ metadata: { a: 1 } }, 'metadata.a', ''],
    [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) }, 'metadata', '16'],
    [{ max_output_tokens: 0 }, 'max_output_tokens', ''],
    [{ input: 'word '.repeat(2000) }, 'input', 'context length'],
    [{ text: { format: { type: 'json_schema', schema: { if: {} } } } }, 'text.format', 'if'],
    [{ tools: [{ ...TOOLS[0], parameters: { if: {} } }], tool_choice: 'required' }, 'tools.0.parameters', 'if'],
  ])('%j', async (wrong, param, message) => {
    const response = await fakeApp().request('/v1/responses', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'fake-model', input: 'Hi', ...wrong }),
    })
    const { error } = (await response.json()) as { error: { param: string; message: string; type: string } }
    expect({ status: response.status, ...error }).toMatchObject({ status: 400, type: 'invalid_request_error', param })
    expect(error.message).toContain(message)
  })
})

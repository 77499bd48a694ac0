import { describe, expect, test } from 'vitest'
import { chatRequest, completionBody } from './schemas.ts'

const MESSAGES = [{ role: 'user', content: 'Hi' }]
const SCHEMA = { type: 'object', properties: { b: { type: 'string' }, a: { type: 'number' } } }
const tool = (name: string) => ({ type: 'function', function: { name } })
const TOOLS = [tool('f'), tool('g')]

function read(fields: object) {
  const body = { messages: MESSAGES, ...fields }
  return completionBody.safeParse(body)
}

function requestOf(fields: object) {
  const { data, error } = read(fields)
  if (error) throw error
  return chatRequest(data, JSON.stringify({ messages: MESSAGES, ...fields }))
}

function issueOf(fields: object) {
  const [issue] = read(fields).error!.issues
  return { path: issue.path.join('.'), code: issue.code === 'custom' ? issue.params?.code : issue.code }
}

describe('the form of an answer', () => {
  const schema = (strict: boolean) => ({ kind: 'schema', schema: SCHEMA, strict })
  test.each<[object, unknown]>([
    [{}, undefined],
    [{ response_format: { type: 'text' } }, undefined],
    [{ response_format: { type: 'json_object' } }, { kind: 'json' }],
    [{ response_format: { type: 'json_object', schema: SCHEMA } }, schema(false)],
    [{ response_format: { type: 'json_schema', json_schema: { name: 's', schema: SCHEMA } } }, schema(false)],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 's', schema: SCHEMA, strict: true } } },
      schema(true),
    ],
    [{ response_format: { type: 'json_schema', json_schema: { name: 's' } } }, { kind: 'json' }],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 's', schema: {} } } },
      { ...schema(false), schema: {} },
    ],
    [{ structured_outputs: { json: SCHEMA } }, schema(false)],
    [{ structured_outputs: { json: JSON.stringify(SCHEMA), disable_additional_properties: true } }, schema(true)],
    [{ structured_outputs: { regex: 'a+' } }, { kind: 'regex', pattern: 'a+' }],
    [{ structured_outputs: { choice: ['a', 'b'] } }, { kind: 'choice', choices: ['a', 'b'] }],
    [{ structured_outputs: { grammar: 'root ::= "a"' } }, { kind: 'ebnf', grammar: 'root ::= "a"' }],
    [{ structured_outputs: { json_object: true } }, { kind: 'json' }],
    [{ structured_outputs: {} }, undefined],
    [{ guided_json: JSON.stringify(SCHEMA) }, schema(false)],
    [
      { guided_regex: 'a+', guided_decoding_backend: 'xgrammar' },
      { kind: 'regex', pattern: 'a+' },
    ],
    [{ guided_choice: ['a'] }, { kind: 'choice', choices: ['a'] }],
    [{ guided_grammar: 'root ::= "a"' }, { kind: 'ebnf', grammar: 'root ::= "a"' }],
    [{ guided_json_object: true }, { kind: 'json' }],
    [{ json_schema: SCHEMA }, schema(false)],
    [{ json_schema: JSON.stringify(SCHEMA) }, schema(false)],
    [{ grammar: 'root ::= "a"' }, { kind: 'ebnf', grammar: 'root ::= "a"' }],
    [{ grammar: 'root ::= "a" .' }, { kind: 'ebnf', grammar: String.raw`root ::= "a" [\x01-\U0010ffff]` }],
    [{ grammar: '' }, undefined],
    [{ regex: 'a+' }, { kind: 'regex', pattern: 'a+' }],
    [{ ebnf: 'root ::= "a"' }, { kind: 'ebnf', grammar: 'root ::= "a"' }],
  ])('%j', (fields, expected) => {
    expect(requestOf(fields).constraint).toEqual(expected)
  })

  test("llama-server's grammar that says more than XGrammar can is refused by name", () => {
    expect(issueOf({ grammar: 'root ::= <think>' })).toEqual({ path: 'grammar', code: 'invalid_grammar' })
  })

  test('keeps the order of a schema', () => {
    const { constraint } = requestOf({ guided_json: SCHEMA })
    expect(JSON.stringify(constraint)).toContain('"properties":{"b":{"type":"string"},"a":{"type":"number"}}')
  })

  test.each([
    [{ response_format: { type: 'json_object' }, grammar: 'root ::= "a"' }, 'grammar'],
    [{ guided_json: SCHEMA, guided_regex: 'a' }, 'guided_regex'],
    [{ structured_outputs: { json: SCHEMA, regex: 'a' } }, 'structured_outputs.regex'],
    [{ guided_json: SCHEMA, tools: TOOLS, tool_choice: 'required' }, 'tool_choice'],
    [{ regex: 'a', tools: TOOLS, tool_choice: tool('f') }, 'tool_choice'],
  ])('%j: two of them conflict', (fields, path) => {
    expect(issueOf(fields)).toEqual({ path, code: 'conflicting_parameters' })
  })

  test("of OpenAI's field is for the answer after the calls that must be made", () => {
    const request = requestOf({ response_format: { type: 'json_object' }, tools: TOOLS, tool_choice: 'required' })
    expect([request.constraint, request.toolChoice]).toEqual([undefined, 'required'])
  })

  test('and tools that need not be called go together', () => {
    const request = requestOf({ response_format: { type: 'json_object' }, tools: TOOLS, tool_choice: 'auto' })
    expect([request.constraint, request.tools?.length]).toEqual([{ kind: 'json' }, 2])
  })
})

describe('the choice of a tool', () => {
  const allowed = (mode: string, ...names: string[]) => ({
    type: 'allowed_tools',
    allowed_tools: { mode, tools: names.map(tool) },
  })
  test.each<[unknown, unknown]>([
    [undefined, undefined],
    ['auto', undefined],
    ['none', undefined],
    ['required', 'required'],
    [tool('g'), { names: ['g'], required: true }],
    [allowed('auto', 'f'), { names: ['f'], required: false }],
    [allowed('required', 'f', 'g'), { names: ['f', 'g'], required: true }],
  ])('%j', (choice, expected) => {
    expect(requestOf({ tools: TOOLS, tool_choice: choice }).toolChoice).toEqual(expected)
  })

  test('none offers no tools', () => {
    expect(requestOf({ tools: TOOLS, tool_choice: 'none' }).tools).toBeUndefined()
  })

  test.each([
    [{ tool_choice: 'required' }],
    [{ tools: [], tool_choice: tool('f') }],
    [{ tools: TOOLS, tool_choice: tool('h') }],
    [{ tools: TOOLS, tool_choice: allowed('auto', 'f', 'h') }],
  ])('%j names what is not there', (fields) => {
    expect(issueOf(fields)).toEqual({ path: 'tool_choice', code: 'invalid_value' })
  })

  test.each([['any'], [{ type: 'custom', custom: { name: 'f' } }], [allowed('none', 'f')], [allowed('auto')]])(
    '%j is none',
    (choice) => {
      expect(issueOf({ tools: TOOLS, tool_choice: choice }).path).toMatch(/^tool_choice/)
    },
  )
})

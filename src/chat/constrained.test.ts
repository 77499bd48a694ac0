import { describe, expect, test } from 'vitest'
import { run } from '../../test/support/fake-chat.ts'
import { FakeModel, fakeChat } from '../../test/support/fake-model.ts'
import type { Constraint } from '../grammar/constraint.ts'
import type { ChatRequest } from './complete.ts'

const CHOICE: Constraint = { kind: 'choice', choices: ['yes', 'no'] }

/** Held to a grammar, a fake model takes what it allows of its script, and else what comes nearest. */
function ask(script: string, request: Partial<ChatRequest>, contextLength?: number) {
  return run(fakeChat(new FakeModel(script, contextLength)), request)
}

function weather(strict?: boolean) {
  const parameters = {
    type: 'object',
    properties: { city: { enum: ['Paris', 'Rome'] } },
    required: ['city'],
    additionalProperties: false,
  }
  return { type: 'function', function: { name: 'weather', parameters, ...(strict !== undefined && { strict }) } }
}
const time = { type: 'function', function: { name: 'time' } }

describe('content', () => {
  test('is what the constraint allows, whatever the model wants', async () => {
    for (const script of ['yes', 'no', 'yesterday', 'Of course.', '', '<|im_start|>', '</think>no'])
      expect((await ask(script, { constraint: CHOICE })).text).toMatch(/^(yes|no)$/)
  })

  test('ends where nothing can follow, without asking the model', async () => {
    const model = new FakeModel('yes and more')
    const { text, finish } = await run(fakeChat(model), { constraint: CHOICE, maxTokens: 3 })
    expect([text, finish?.reason, model.decoded]).toEqual(['yes', 'stop', 2])
  })

  test('ends where the model ends it, if the grammar may', async () => {
    const { text, finish } = await ask('aaa', { constraint: { kind: 'regex', pattern: 'a{2,9}' } })
    expect([text, finish?.reason]).toEqual(['aaa', 'stop'])
    expect((await ask('a', { constraint: { kind: 'regex', pattern: 'a{2,9}' } })).text.length).toBeGreaterThanOrEqual(2)
  })

  test('is cut by max_tokens as ever', async () => {
    const { text, finish } = await ask('no', { constraint: { kind: 'choice', choices: ['nothing'] }, maxTokens: 4 })
    expect([text, finish?.reason]).toEqual(['noth', 'length'])
  })

  test('begins behind the reasoning, which is free', async () => {
    const { text, reasoning } = await ask('<think>\nHm, {no}.\n</think>\n\nyes, sure', { constraint: CHOICE })
    expect([reasoning, text]).toEqual(['Hm, {no}.', 'yes'])
  })

  test('is not left out: an answer does not end in its reasoning', async () => {
    const { text, reasoning } = await ask('<think>Hm', { constraint: CHOICE, reasoningBudget: 10 })
    expect(reasoning).toMatch(/^Hm/)
    expect(text).toMatch(/^(yes|no)$/)
  })

  test('follows a reasoning budget of 0 and one that is spent', async () => {
    for (const reasoningBudget of [0, 4]) {
      const { text } = await ask('<think>Let me think about it.</think>no', { constraint: CHOICE, reasoningBudget })
      expect(text).toMatch(/^(yes|no)$/)
    }
  })

  test('may be a tool call instead, where there are tools', async () => {
    const tools = [time]
    const called = await ask('<tool_call>{"name": "time", "arguments": {}}</tool_call>', { constraint: CHOICE, tools })
    expect([called.text, called.finish?.reason]).toEqual(['', 'tool_calls'])
    expect((await ask('no', { constraint: CHOICE, tools })).text).toBe('no')
  })

  test('reports the logprobs of the model alone', async () => {
    const { logprobs } = await ask('no', { constraint: { kind: 'choice', choices: ['no'] }, topLogprobs: 2 })
    const free = await ask('no', { topLogprobs: 2 })
    expect(logprobs).toEqual(free.logprobs)
  })
})

describe('tool calls', () => {
  const CALL = /^\{\s*"city":\s*"(Paris|Rome)"\s*\}$/

  test('are made where one is required', async () => {
    for (const script of ['No idea.', '<think>Hm.</think>\n\nNo idea.', '<tool_call>{"name": "x"}</tool_call>', '']) {
      const request = { tools: [weather()], toolChoice: 'required', parallelToolCalls: false } as const
      const { text, toolArguments, finish, events } = await ask(script, request)
      expect(events.find((event) => event.type === 'toolCall')?.name).toBe('weather')
      expect(toolArguments).toMatch(CALL)
      expect([text, finish?.reason]).toEqual(['', 'tool_calls'])
    }
  })

  test('are of the tools that are named', async () => {
    const toolChoice = { names: ['time'], required: true }
    const { events } = await ask('<tool_call>{"name": "weather"', { tools: [weather(), time], toolChoice })
    expect(events.flatMap((event) => (event.type === 'toolCall' ? event.name : []))[0]).toBe('time')
  })

  test('may be several, unless they may not', async () => {
    const one = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'
    const request = { tools: [weather()], toolChoice: 'required' } as const
    const calls = async (parallelToolCalls: boolean) => {
      const { events, text } = await ask(`${one}\n${one}`, { ...request, parallelToolCalls })
      expect(text).toBe('')
      return events.filter(({ type }) => type === 'toolCall').length
    }
    expect([await calls(true), await calls(false)]).toEqual([2, 1])
  })

  test('of strict tools are held from the moment the model opens one', async () => {
    const script = 'Let me see. <tool_call>{"name": "weather", "arguments": {"city": "Berlin"}}</tool_call>'
    const strict = await ask(script, { tools: [weather(true)] })
    expect(strict.text).toBe('Let me see. ')
    expect(strict.toolArguments).toMatch(CALL)
    const loose = await ask(script, { tools: [weather()] })
    expect(loose.toolArguments).toBe('{"city": "Berlin"}')
    expect((await ask('Just text.', { tools: [weather(true)] })).text).toBe('Just text.')
  })

  test('of tools that are not strict are objects, beside strict ones', async () => {
    const script = '<tool_call>{"name": "time", "arguments": {"zone": "UTC"}}</tool_call>'
    expect((await ask(script, { tools: [weather(true), time] })).toolArguments).toBe('{"zone": "UTC"}')
  })
})

describe('what cannot be held is refused before anything is computed', () => {
  const refusal = async (request: Partial<ChatRequest>) => {
    const model = new FakeModel('x')
    const error = await run(fakeChat(model), request).catch((error) => error)
    expect(model.sequences).toBe(0)
    return { code: error.code, param: error.param, message: error.message }
  }

  test('with the keyword and its place', async () => {
    const schema = { properties: { a: { if: { type: 'string' } } } }
    const refused = await refusal({ constraint: { kind: 'schema', schema, strict: false } })
    expect(refused).toMatchObject({ code: 'unsupported_schema', param: 'response_format' })
    expect(refused.message).toContain("'if' at /properties/a")
  })

  test('with the tool', async () => {
    const tool = {
      type: 'function',
      function: { name: 'f', parameters: { properties: { a: { not: { enum: [1] } } } } },
    }
    expect(await refusal({ tools: [time, tool], toolChoice: 'required' })).toMatchObject({
      code: 'unsupported_schema',
      param: 'tools.1.function.parameters',
    })
    expect(await refusal({ tools: [time], toolChoice: { names: ['g'], required: true } })).toMatchObject({
      code: 'invalid_tool_choice',
      param: 'tool_choice',
    })
  })

  test('with what is wrong in a grammar', async () => {
    const refused = await refusal({ constraint: { kind: 'ebnf', grammar: 'root ::= "a' } })
    expect(refused).toMatchObject({ code: 'invalid_grammar', param: 'structured_outputs.grammar' })
    expect(refused.message).toContain('line 1')
    for (const constraint of [
      { kind: 'regex', pattern: '(' },
      { kind: 'regex', pattern: 'a(?=b)' },
      { kind: 'choice', choices: [] },
      { kind: 'ebnf', grammar: 'roof ::= "a"' },
    ] as const)
      expect(await refusal({ constraint })).toMatchObject({ code: 'invalid_grammar' })
  })
})

test('a grammar without an end is an error of the answer', async () => {
  const grammar = 'root ::= "a" b\nb ::= "b" b'
  await expect(ask('abbbb', { constraint: { kind: 'ebnf', grammar }, maxTokens: 50 })).resolves.toMatchObject({
    finish: { reason: 'length' },
  })
})

import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod'
import type { ResponseInputItem, ResponseStreamEvent } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { all, responsesClient } from '../../../test/support/responses-client.ts'

const HELLO = { model: 'fake-model', input: 'Hello?' }
const TOOL = { type: 'function' as const, name: 'add', parameters: { type: 'object', properties: {} }, strict: false }
const CALL = '<think>Sums.</think>Let me see.<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'

/** What happens, many of the same kind at a time as one. */
function kinds(events: readonly ResponseStreamEvent[]): string[] {
  return events
    .map(({ type }) => type.replace('response.', ''))
    .filter(
      (type, index, types) => !(type === types[index - 1] || (type.endsWith('.delta') && type === types[index - 2])),
    )
}

describe('a response', () => {
  test('of reasoning, text and a call, as openai-node reads it', async () => {
    const { client } = await responsesClient(CALL)
    const response = await client.responses.create({ ...HELLO, tools: [TOOL], metadata: { topic: 'sums' } })
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'fake-model',
      output_text: 'Let me see.',
      error: null,
      incomplete_details: null,
      metadata: { topic: 'sums' },
      store: true,
      temperature: 0,
      usage: { output_tokens: expect.any(Number), output_tokens_details: { reasoning_tokens: expect.any(Number) } },
    })
    expect(response.output).toEqual([
      {
        type: 'reasoning',
        id: expect.stringMatching(/^rs_[0-9a-f]{32}0001$/),
        status: 'completed',
        content: [{ type: 'reasoning_text', text: 'Sums.' }],
        summary: [{ type: 'summary_text', text: 'Sums.' }],
      },
      {
        type: 'message',
        id: expect.stringMatching(/^msg_/),
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Let me see.', annotations: [], logprobs: [] }],
      },
      {
        type: 'function_call',
        id: expect.stringMatching(/^fc_/),
        call_id: expect.stringMatching(/^call_/),
        name: 'add',
        arguments: '{"a": 1}',
        status: 'completed',
      },
    ])
  })

  test('in a stream is what its events come to, all numbered', async () => {
    const { client } = await responsesClient(CALL)
    const stream = client.responses.stream({ ...HELLO, tools: [TOOL] })
    const events = await all(stream)
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index))
    const [reasoning, message, call] = ['reasoning', 'message', 'function_call'].map((type) => ({ type }))
    expect(kinds(events)).toEqual([
      ...['created', 'in_progress'],
      ...['output_item.added', 'content_part.added', 'reasoning_summary_part.added'],
      ...['reasoning_text.delta', 'reasoning_summary_text.delta', 'reasoning_text.done', 'content_part.done'],
      ...['reasoning_summary_text.done', 'reasoning_summary_part.done', 'output_item.done'],
      ...['output_item.added', 'content_part.added', 'output_text.delta', 'output_text.done', 'content_part.done'],
      'output_item.done',
      ...['output_item.added', 'function_call_arguments.delta', 'function_call_arguments.done', 'output_item.done'],
      'completed',
    ])
    const items = events.filter((event) => event.type === 'response.output_item.done')
    expect(items).toMatchObject([reasoning, message, call].map((item, output_index) => ({ item, output_index })))
    const whole = await stream.finalResponse()
    expect(whole.output).toMatchObject(items.map(({ item }) => item))
    const { output, usage } = await client.responses.retrieve(whole.id)
    expect({ output, usage }).toEqual({ output: items.map(({ item }) => item), usage: whole.usage })
  })

  test('that reaches max_output_tokens is incomplete, and so is its last item', async () => {
    const { client } = await responsesClient('Hello there!')
    const asked = { ...HELLO, max_output_tokens: 5 }
    const expected = {
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ type: 'message', status: 'incomplete', content: [{ text: 'Hello' }] }],
      usage: { output_tokens: 5 },
    }
    expect(await client.responses.create(asked)).toMatchObject(expected)
    const events = await all(await client.responses.create({ ...asked, stream: true }))
    expect(events.at(-1)).toMatchObject({ type: 'response.incomplete', response: expected })
  })

  test('of no words has an empty message', async () => {
    const { client } = await responsesClient('')
    const { output, output_text } = await client.responses.create(HELLO)
    expect(output).toMatchObject([{ type: 'message', content: [{ text: '' }] }])
    expect(output_text).toBe('')
  })

  test('without a summary of its reasoning, where the client says null', async () => {
    const { client } = await responsesClient(CALL)
    const stream = await client.responses.create({ ...HELLO, reasoning: { summary: null }, stream: true })
    const events = await all(stream)
    expect(events.filter(({ type }) => type.includes('summary'))).toEqual([])
    expect(events.at(-1)).toMatchObject({ response: { output: [{ summary: [] }, {}] } })
  })

  test('with logprobs of its text', async () => {
    const { client } = await responsesClient('<think>Hm</think>Hi')
    const include = ['message.output_text.logprobs' as const]
    const { output } = await client.responses.create({ ...HELLO, include, top_logprobs: 2 })
    const [, message] = output
    const { logprobs } = (message as Extract<typeof message, { type: 'message' }>).content[0] as never as {
      logprobs: { token: string; top_logprobs: object[] }[]
    }
    expect(logprobs.map(({ token }) => token)).toEqual(['H', 'i'])
    expect(logprobs[0]).toMatchObject({ bytes: [72], top_logprobs: [{ token: 'H' }, { token: 'I', bytes: [73] }] })
    const events = await all(await client.responses.create({ ...HELLO, include, stream: true }))
    const deltas = events.filter((event) => event.type === 'response.output_text.delta')
    expect(deltas.map(({ logprobs }) => logprobs.map(({ token }) => token))).toEqual([['H'], ['i']])
  })

  test('a call that was none is no part of it', async () => {
    const { client } = await responsesClient('<tool_call>{"name": "add", "arguments": {"a" 1}}</tool_call>')
    const events = await all(await client.responses.create({ ...HELLO, tools: [TOOL], stream: true }))
    const done = events.filter((event) => event.type === 'response.output_item.done')
    expect(done).toMatchObject([{ item: { type: 'message' }, output_index: 1 }])
    const { output } = (events.at(-1) as Extract<ResponseStreamEvent, { type: 'response.completed' }>).response
    expect(output).toMatchObject([{ type: 'message' }])
  })
})

describe('helpers of openai-node', () => {
  test('parse reads JSON into what a zod schema says', async () => {
    const { client } = await responsesClient('{"capital": "Paris"}')
    const format = zodTextFormat(z.object({ capital: z.string() }), 'answer')
    const response = await client.responses.parse({ ...HELLO, text: { format } })
    expect(response.output_parsed).toEqual({ capital: 'Paris' })
    expect(response.text?.format).toMatchObject({ type: 'json_schema', name: 'answer', strict: true })
  })

  test('parse gets what the schema says, whatever the model would', async () => {
    const { client } = await responsesClient('<think>Paris?</think>It is Paris.')
    const format = zodTextFormat(z.object({ capital: z.enum(['Bern', 'Rome']) }), 'answer')
    const { output_parsed, output } = await client.responses.parse({ ...HELLO, text: { format } })
    expect(['Bern', 'Rome']).toContain(output_parsed!.capital)
    expect(output).toMatchObject([{ type: 'reasoning', content: [{ text: 'Paris?' }] }, { type: 'message' }])
  })

  test.each(['required', { type: 'function', name: 'add' }] as const)('tool_choice %j makes a call', async (choice) => {
    const { client } = await responsesClient('I would rather talk.')
    const tools = [zodResponsesFunction({ name: 'add', parameters: z.object({ a: z.literal(7) }) })]
    const format = { type: 'json_object' as const }
    const asked = { ...HELLO, tools, tool_choice: choice, reasoning: { effort: 'none' as const }, text: { format } }
    const { output } = await client.responses.parse(asked)
    expect(output).toMatchObject([{ type: 'function_call', name: 'add', parsed_arguments: { a: 7 } }])
  })

  test('a loop of tools, by input and by previous_response_id', async () => {
    const { client } = await responsesClient((prompt) => {
      return prompt.includes('tool\n3') ? `The sum is 3 of ${prompt.split('user').length - 1} question.` : CALL
    })
    const tools = [zodResponsesFunction({ name: 'add', parameters: z.object({ a: z.number() }) })]
    const input: ResponseInputItem[] = [{ role: 'user', content: '1 and 2?' }]
    const asked = await client.responses.parse({ model: 'fake-model', input, tools })
    const calls = asked.output.filter((item) => item.type === 'function_call')
    expect(calls.map((call) => call.parsed_arguments)).toEqual([{ a: 1 }])
    const outputs = calls.map(({ call_id }) => ({ type: 'function_call_output' as const, call_id, output: '3' }))
    const sent = [...input, ...(asked.output as ResponseInputItem[]), ...outputs]
    const text = 'The sum is 3 of 1 question.'
    expect((await client.responses.create({ model: 'fake-model', input: sent, tools })).output_text).toBe(text)
    const previous = { model: 'fake-model', previous_response_id: asked.id, tools }
    expect((await client.responses.create({ ...previous, input: outputs })).output_text).toBe(text)
  })
})

import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod'
import { nodeClient, type Target } from '../client.ts'
import {
  city,
  expectPieces,
  HELLO,
  leaveAfterFirst,
  PET_QUESTION,
  pet,
  STORY,
  THOUGHT,
  WEATHER_QUESTION,
} from './questions.ts'

const clientOf = ({ url }: Target) => new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 })
const ask = (content: string) => [{ role: 'user' as const, content }]
const weather = zodFunction({
  name: 'weather',
  description: 'The weather in a city.',
  parameters: city,
  function: ({ city }) => `sunny in ${city}`,
})

export const chatCompletions = nodeClient('openai for Node, Chat Completions', 'openai', {
  async answer(target) {
    const { choices, usage } = await clientOf(target).chat.completions.create({
      model: target.model,
      messages: ask(HELLO),
      max_tokens: 16,
    })
    assert(choices[0].message.content && usage!.completion_tokens > 0)
  },
  async stream(target) {
    const stream = clientOf(target).chat.completions.stream({
      model: target.model,
      messages: ask(HELLO),
      max_tokens: 16,
    })
    const pieces: string[] = []
    stream.on('content', (delta) => pieces.push(delta))
    assert.equal(await stream.finalContent(), pieces.join(''))
    expectPieces(pieces)
  },
  async 'hang up'(target) {
    const body = { model: target.model, messages: ask(STORY), max_tokens: 1500, stream: true as const }
    const chunks = await clientOf(target).chat.completions.create(body)
    await leaveAfterFirst(chunks, ({ choices }) => choices[0].delta.content)
  },
  async schema(target) {
    const { choices } = await clientOf(target).chat.completions.parse({
      model: target.model,
      messages: ask(PET_QUESTION),
      response_format: zodResponseFormat(pet, 'pet'),
      max_tokens: 100,
      temperature: 0,
    })
    pet.parse(choices[0].message.parsed)
  },
  async 'forced tool'(target) {
    const { choices } = await clientOf(target).chat.completions.parse({
      model: target.model,
      messages: ask(WEATHER_QUESTION),
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      max_tokens: 100,
      temperature: 0,
    })
    city.parse(choices[0].message.tool_calls![0].function.parsed_arguments)
  },
  async 'tool loop'(target) {
    const runner = clientOf(target).chat.completions.runTools({
      model: target.model,
      messages: ask(WEATHER_QUESTION),
      tools: [weather],
    })
    assert.match((await runner.finalContent())!, /sunny in Rome/)
  },
  async reasoning(target) {
    const { choices } = await clientOf(target).chat.completions.create({ model: target.model, messages: ask(HELLO) })
    assert.equal((choices[0].message as { reasoning_content?: string }).reasoning_content, THOUGHT)
  },
})

export const responses = nodeClient('openai for Node, Responses', 'openai', {
  async answer(target) {
    const answer = await clientOf(target).responses.create({ model: target.model, input: HELLO, max_output_tokens: 16 })
    assert(answer.output_text && answer.usage!.output_tokens > 0)
  },
  async stream(target) {
    const stream = clientOf(target).responses.stream({ model: target.model, input: HELLO, max_output_tokens: 16 })
    const pieces: string[] = []
    for await (const event of stream) if (event.type === 'response.output_text.delta') pieces.push(event.delta)
    expectPieces(pieces)
  },
  async 'hang up'(target) {
    const body = { model: target.model, input: STORY, max_output_tokens: 1500, stream: true as const, store: false }
    const events = await clientOf(target).responses.create(body)
    await leaveAfterFirst(events, ({ type }) => type === 'response.output_text.delta')
  },
  async schema(target) {
    const { output_parsed } = await clientOf(target).responses.parse({
      model: target.model,
      input: PET_QUESTION,
      text: { format: zodTextFormat(pet, 'pet') },
      max_output_tokens: 100,
      temperature: 0,
    })
    pet.parse(output_parsed)
  },
  async 'forced tool'(target) {
    const { output } = await clientOf(target).responses.parse({
      model: target.model,
      input: WEATHER_QUESTION,
      tools: [zodResponsesFunction({ name: 'weather', parameters: city })],
      tool_choice: 'required',
      // More calls until max_output_tokens would make the answer incomplete, and its calls are not parsed then.
      parallel_tool_calls: false,
      max_output_tokens: 100,
      temperature: 0,
    })
    const call = output.find((item) => item.type === 'function_call')
    city.parse(call!.parsed_arguments)
  },
  async 'tool loop'(target) {
    const tools = [zodResponsesFunction({ name: 'weather', parameters: city })]
    const client = clientOf(target)
    const asked = await client.responses.create({ model: target.model, input: WEATHER_QUESTION, tools })
    const call = asked.output.find((item) => item.type === 'function_call')!
    const result = { type: 'function_call_output' as const, call_id: call.call_id, output: 'sunny' }
    const body = { model: target.model, input: [result], previous_response_id: asked.id, tools }
    assert.match((await client.responses.create(body)).output_text, /sunny/)
  },
  async reasoning(target) {
    const { output } = await clientOf(target).responses.create({ model: target.model, input: HELLO })
    const thought = output.find((item) => item.type === 'reasoning')
    assert.equal(thought!.content![0].text, THOUGHT)
  },
})

import assert from 'node:assert/strict'
import Anthropic from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
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

const messagesOf = ({ url }: Target) =>
  new Anthropic({ baseURL: url.replace(/\/v1$/, ''), apiKey: 'none', maxRetries: 0 }).messages
/** A field of the API that the SDK's types have given up. */
const GREEDY: object = { temperature: 0 }
const ask = (content: string) => [{ role: 'user' as const, content }]
const weather: Anthropic.Tool = {
  name: 'weather',
  description: 'The weather in a city.',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string', enum: ['Rome', 'Oslo'] } },
    required: ['city'],
    additionalProperties: false,
  },
}
const toolUse = ({ content }: Anthropic.Message) => content.find((block) => block.type === 'tool_use')!

export const anthropic = nodeClient('Anthropic SDK for Node, Messages', '@anthropic-ai/sdk', {
  async answer(target) {
    const { model } = target
    const { content, usage } = await messagesOf(target).create({ model, messages: ask(HELLO), max_tokens: 16 })
    assert(content[0].type === 'text' && content[0].text !== '')
    const { input_tokens } = await messagesOf(target).countTokens({ model, messages: ask(HELLO) })
    // Those of the cache are counted apart.
    assert.equal(usage.input_tokens + (usage.cache_read_input_tokens ?? 0), input_tokens)
  },
  async stream(target) {
    const stream = messagesOf(target).stream({ model: target.model, messages: ask(HELLO), max_tokens: 16 })
    const pieces: string[] = []
    stream.on('text', (delta) => pieces.push(delta))
    assert.equal(await stream.finalText(), pieces.join(''))
    expectPieces(pieces)
  },
  async 'hang up'(target) {
    const stream = messagesOf(target).stream({ model: target.model, messages: ask(STORY), max_tokens: 1500 })
    await leaveAfterFirst(stream, ({ type }) => type === 'content_block_delta')
  },
  async schema(target) {
    const { parsed_output } = await messagesOf(target).parse({
      model: target.model,
      messages: ask(PET_QUESTION),
      output_config: { format: zodOutputFormat(pet) },
      max_tokens: 100,
      ...GREEDY,
    })
    pet.parse(parsed_output)
  },
  async 'forced tool'(target) {
    const asked = await messagesOf(target).create({
      model: target.model,
      messages: ask(WEATHER_QUESTION),
      tools: [weather],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      max_tokens: 100,
      ...GREEDY,
    })
    city.parse(toolUse(asked).input)
  },
  async 'tool loop'(target) {
    const request = { model: target.model, tools: [weather], max_tokens: 1000 }
    const asked = await messagesOf(target).create({ ...request, messages: ask(WEATHER_QUESTION) })
    const result = { type: 'tool_result' as const, tool_use_id: toolUse(asked).id, content: 'sunny' }
    const messages = [
      ...ask(WEATHER_QUESTION),
      { role: 'assistant' as const, content: asked.content },
      { role: 'user' as const, content: [result] },
    ]
    const { content } = await messagesOf(target).create({ ...request, messages })
    assert.match((content.at(-1) as Anthropic.TextBlock).text, /sunny/)
  },
  async reasoning(target) {
    const stream = messagesOf(target).stream({ model: target.model, messages: ask(HELLO), max_tokens: 1000 })
    let thinking = ''
    stream.on('thinking', (delta) => {
      thinking += delta
    })
    await stream.finalMessage()
    assert.equal(thinking, THOUGHT)
  },
})

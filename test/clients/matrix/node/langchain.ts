import assert from 'node:assert/strict'
import { HumanMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, type ChatOpenAIFields } from '@langchain/openai'
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

const weather = tool(({ city }) => `sunny in ${city}`, {
  name: 'weather',
  description: 'The weather in a city.',
  schema: city,
})

function chat({ url, model }: Target, options: ChatOpenAIFields = {}): ChatOpenAI {
  return new ChatOpenAI({ model, apiKey: 'none', maxRetries: 0, configuration: { baseURL: url }, ...options })
}

export const langchain = nodeClient('LangChain.js, ChatOpenAI', '@langchain/openai', {
  async answer(target) {
    const { content, usage_metadata } = await chat(target, { maxTokens: 16 }).invoke(HELLO)
    assert(content && usage_metadata!.output_tokens > 0)
  },
  async stream(target) {
    const pieces: string[] = []
    for await (const { text } of await chat(target, { maxTokens: 16 }).stream(HELLO)) pieces.push(text)
    expectPieces(pieces)
  },
  async 'hang up'(target) {
    await leaveAfterFirst(await chat(target, { maxTokens: 1500 }).stream(STORY), ({ text }) => text)
  },
  async schema(target) {
    const bound = chat(target, { maxTokens: 100, temperature: 0 }).withStructuredOutput(pet, { name: 'pet' })
    pet.parse(await bound.invoke(PET_QUESTION))
  },
  async 'forced tool'(target) {
    const bound = chat(target, { maxTokens: 100, temperature: 0 }).bindTools([weather], { tool_choice: 'any' })
    city.parse((await bound.invoke(WEATHER_QUESTION)).tool_calls![0].args)
  },
  async 'tool loop'(target) {
    const bound = chat(target).bindTools([weather])
    const asked = await bound.invoke(WEATHER_QUESTION)
    const call = asked.tool_calls![0]
    const result = new ToolMessage({ content: await weather.invoke(city.parse(call.args)), tool_call_id: call.id! })
    const { text } = await bound.invoke([new HumanMessage(WEATHER_QUESTION), asked, result])
    assert.match(text, /sunny in Rome/)
  },
  async reasoning(target) {
    assert.equal((await chat(target).invoke(HELLO)).additional_kwargs.reasoning_content, THOUGHT)
  },
})

import assert from 'node:assert/strict'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateObject, generateText, type LanguageModel, stepCountIs, streamText, tool } from 'ai'
import { type Cells, nodeClient, type Target } from '../client.ts'
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

const weather = tool({
  description: 'The weather in a city.',
  inputSchema: city,
  execute: async ({ city }) => `sunny in ${city}`,
})

function cellsOf(modelOf: (target: Target) => LanguageModel): Cells {
  const request = (target: Target) => ({ model: modelOf(target), maxRetries: 0 })
  return {
    async answer(target) {
      const { text, usage } = await generateText({ ...request(target), prompt: HELLO, maxOutputTokens: 16 })
      assert(text && usage.outputTokens! > 0)
    },
    async stream(target) {
      const pieces: string[] = []
      const { textStream } = streamText({ ...request(target), prompt: HELLO, maxOutputTokens: 16 })
      for await (const piece of textStream) pieces.push(piece)
      expectPieces(pieces)
    },
    async 'hang up'(target) {
      const leaving = new AbortController()
      const options = { prompt: STORY, maxOutputTokens: 1500, abortSignal: leaving.signal }
      await leaveAfterFirst(streamText({ ...request(target), ...options }).textStream, (piece) => piece)
      leaving.abort()
    },
    async schema(target) {
      const options = { schema: pet, prompt: PET_QUESTION, maxOutputTokens: 100, temperature: 0 }
      pet.parse((await generateObject({ ...request(target), ...options })).object)
    },
    async 'forced tool'(target) {
      const { toolCalls } = await generateText({
        ...request(target),
        prompt: WEATHER_QUESTION,
        tools: { weather },
        toolChoice: 'required',
        maxOutputTokens: 100,
        temperature: 0,
      })
      city.parse(toolCalls[0].input)
    },
    async 'tool loop'(target) {
      const options = { prompt: WEATHER_QUESTION, tools: { weather }, stopWhen: stepCountIs(3) }
      assert.match((await generateText({ ...request(target), ...options })).text, /sunny in Rome/)
    },
    async reasoning(target) {
      assert.equal((await generateText({ ...request(target), prompt: HELLO })).reasoningText, THOUGHT)
    },
  }
}

export const compatible = nodeClient(
  'AI SDK, openai-compatible',
  '@ai-sdk/openai-compatible',
  cellsOf(({ url, model }) =>
    createOpenAICompatible({ name: 'edge', baseURL: url, includeUsage: true, supportsStructuredOutputs: true })(model),
  ),
)

export const byDefault = nodeClient(
  "AI SDK, createOpenAI()'s default (Responses)",
  '@ai-sdk/openai',
  cellsOf(({ url, model }) => createOpenAI({ baseURL: url, apiKey: 'none' })(model)),
)

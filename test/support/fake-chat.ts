import type { ChatModel } from '../../src/chat/chat-model.ts'
import { type ChatRequest, complete } from '../../src/chat/complete.ts'
import type { ChatEvent } from '../../src/chat/events.ts'

export const QUESTION: ChatRequest = { messages: [{ role: 'user', content: 'Hello?' }], sampling: {}, stop: [] }

/** Asks, reads all events, and joins what they say. */
export async function run(chat: ChatModel, request: Partial<ChatRequest> = {}, signal = new AbortController().signal) {
  const events: ChatEvent[] = []
  for await (const event of complete(chat, { ...QUESTION, ...request }, signal)) {
    // What took how long is never the same.
    events.push(event.type === 'finish' ? { ...event, timings: { promptMs: 0, predictedMs: 0 } } : event)
  }
  const contents = events.filter((event) => event.type === 'content')
  const textOf = (type: 'reasoning' | 'toolCallArguments') =>
    events.map((event) => (event.type === type ? event.text : '')).join('')
  return {
    events,
    contents,
    reasoning: textOf('reasoning'),
    toolArguments: textOf('toolCallArguments'),
    text: contents.map(({ text }) => text).join(''),
    logprobs: contents.flatMap(({ logprobs }) => logprobs ?? []),
    finish: events.find((event) => event.type === 'finish'),
  }
}

import type { Prompt } from '../origin/history.ts'
import type { ChatModel } from './chat-model.ts'
import type { ChatRequest } from './complete.ts'

/** The prompt of a chat. Its control tokens are those that the template writes. Throws ChatRequestError. */
export function encodePrompt(
  { template, tokenizer, addBos, bosId }: Pick<ChatModel, 'template' | 'tokenizer' | 'addBos' | 'bosId'>,
  { messages, tools }: Pick<ChatRequest, 'messages' | 'tools'>,
): Prompt {
  const { masked, unmask } = template.renderMasked(messages, { tools, addGenerationPrompt: true })
  const ids = tokenizer.encode(masked, unmask)
  const text = unmask(masked)
  const isPlain = text === masked || sameIds(tokenizer.encode(text), ids)
  const lacksBos = addBos && bosId !== null && ids[0] !== bosId
  return { text: isPlain ? text : undefined, ids: lacksBos ? [bosId, ...ids] : ids }
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}

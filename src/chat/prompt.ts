import { turn } from '../generate/turn.ts'
import type { Prompt } from '../origin/history.ts'
import type { ChatModel } from './chat-model.ts'
import type { ChatRequest } from './complete.ts'
import { ChatRequestError } from './errors.ts'

/**
 * The prompt of a chat. Its control tokens are those that the template writes. Others get their turn while a long one is encoded. Throws
 * ChatRequestError, as soon as there are more than `maxTokens`, and the signal's reason when it aborts.
 */
export async function encodePrompt(
  { template, tokenizer, addBos, bosId }: Pick<ChatModel, 'template' | 'tokenizer' | 'addBos' | 'bosId'>,
  { messages, tools }: Pick<ChatRequest, 'messages' | 'tools'>,
  maxTokens: number,
  signal: AbortSignal,
): Promise<Prompt> {
  const { masked, unmask } = template.renderMasked(messages, { tools, addGenerationPrompt: true })
  const ids = await inTurns(tokenizer.encodeInSteps(masked, maxTokens, unmask), signal)
  if (!ids) {
    throw new ChatRequestError(
      'context_length_exceeded',
      `This model's maximum context length is ${maxTokens} tokens, and the messages have more: shorten them.`,
      'messages',
    )
  }
  const text = unmask(masked)
  const isPlain = text === masked || sameIds(await inTurns(tokenizer.encodeInSteps(text, ids.length), signal), ids)
  const lacksBos = addBos && bosId !== null && ids[0] !== bosId
  return { text: isPlain ? text : undefined, ids: lacksBos ? [bosId, ...ids] : ids }
}

async function inTurns<Value>(steps: Generator<void, Value>, signal: AbortSignal): Promise<Value> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    await turn()
    signal.throwIfAborted()
  }
}

function sameIds(a: readonly number[] | undefined, b: readonly number[]): boolean {
  return a?.length === b.length && a.every((id, index) => id === b[index])
}

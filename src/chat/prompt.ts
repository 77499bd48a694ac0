import { turn } from '../generate/turn.ts'
import type { Prompt } from '../origin/history.ts'
import { writtenText } from '../tokenizer/written-text.ts'
import type { ChatModel } from './chat-model.ts'
import type { ChatRequest } from './complete.ts'
import { ChatRequestError } from './errors.ts'

type Encoding = Pick<ChatModel, 'tokenizer' | 'addBos' | 'bosId'>

/**
 * The prompt of a chat. Its control tokens are those that the template writes. Others get their turn while a long one is encoded. Throws
 * ChatRequestError, as soon as there are more than `maxTokens`, and the signal's reason when it aborts.
 */
export async function encodePrompt(
  { template, ...chat }: Encoding & Pick<ChatModel, 'template'>,
  request: Pick<ChatRequest, 'messages' | 'tools' | 'templateKwargs' | 'continueFinalMessage' | 'addGenerationPrompt'>,
  maxTokens: number,
  signal: AbortSignal,
): Promise<Prompt> {
  const { tokenizer } = chat
  const { messages, tools, templateKwargs, continueFinalMessage = false } = request
  const { masked, unmask } = template.renderMasked(messages, {
    tools,
    addGenerationPrompt: request.addGenerationPrompt ?? !continueFinalMessage,
    continueFinalMessage,
    kwargs: templateKwargs,
  })
  const ids = await inTurns(tokenizer.encodeInSteps(masked, maxTokens, unmask), signal)
  if (!ids) throw tooLong(maxTokens, 'messages')
  const text = unmask(masked)
  const isPlain = text === masked || sameIds(await inTurns(tokenizer.encodeInSteps(text, ids.length), signal), ids)
  return { text: isPlain ? text : undefined, ids: withBos(chat, ids) }
}

/**
 * The prompt of a text, in which control tokens count where they are written, as in vLLM's and llama-server's completions; or of ids, to
 * which nothing is added. Throws as `encodePrompt` does.
 */
export async function encodeText(
  chat: Encoding,
  prompt: string | readonly number[],
  maxTokens: number,
  signal: AbortSignal,
): Promise<Prompt> {
  const { tokenizer } = chat
  const text = typeof prompt === 'string' ? prompt : writtenText(tokenizer, prompt)
  const ids = await inTurns(tokenizer.encodeInSteps(text, maxTokens), signal)
  if (typeof prompt !== 'string') return { text: sameIds(ids, prompt) ? text : undefined, ids: prompt }
  if (!ids) throw tooLong(maxTokens, 'prompt')
  return { text, ids: withBos(chat, ids) }
}

function withBos({ addBos, bosId }: Encoding, ids: readonly number[]): readonly number[] {
  return addBos && bosId !== null && ids[0] !== bosId ? [bosId, ...ids] : ids
}

function tooLong(maxTokens: number, param: string): ChatRequestError {
  return new ChatRequestError(
    'context_length_exceeded',
    `This model's maximum context length is ${maxTokens} tokens, and the ${param} ${param === 'messages' ? 'have more: shorten them' : 'has more: shorten it'}.`,
    param,
  )
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

import { checkRequest, GenerateRequestError } from '../generate/check-request.ts'
import { generate } from '../generate/generate.ts'
import type { GenerateEnd, GenerateRequest, SamplingParams } from '../generate/types.ts'
import { Detokenizer } from '../tokenizer/detokenizer.ts'
import { AnswerText } from './answer-text.ts'
import type { ChatModel } from './chat-model.ts'
import { ChatRequestError } from './errors.ts'
import type { ChatEvent } from './events.ts'
import { chatLogprob } from './logprobs.ts'
import type { ChatMessage } from './messages.ts'
import { samplingParams } from './sampling.ts'

export interface ChatRequest {
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly unknown[]
  /** undefined: as far as the context reaches. */
  readonly maxTokens?: number
  readonly sampling: Partial<SamplingParams>
  readonly stop: readonly string[]
  /** Alternatives to report beside each token's logprob; undefined: no logprobs. */
  readonly topLogprobs?: number
}

/**
 * Answers a chat: 'start' before anything is computed, then 'content', then 'finish'; or the signal's reason thrown when it
 * aborts. Throws ChatRequestError before 'start'. Closing the generator stops the computation.
 */
export async function* complete(chat: ChatModel, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const promptIds = encodePrompt(chat, request)
  const generation: GenerateRequest = {
    promptIds,
    // The context ends the answer in any case.
    maxTokens: request.maxTokens ?? Number.POSITIVE_INFINITY,
    sampling: samplingParams(request.sampling, chat.defaults),
    eosIds: chat.eosIds,
    topLogprobs: request.topLogprobs,
    signal,
  }
  check(chat, generation)
  yield { type: 'start', promptTokens: promptIds.length }

  const tokens = generate(chat.language, generation)
  const detokenizer = new Detokenizer(chat.tokenizer, promptIds.at(-1))
  const answer = new AnswerText(request.stop)
  let completionTokens = 0
  let end: GenerateEnd | undefined
  try {
    while (!end && !answer.stopped) {
      const step = await tokens.next()
      if (step.done) {
        end = step.value
      } else {
        completionTokens++
        yield* answer.push(detokenizer.push(step.value.id), chatLogprob(chat.tokenizer, step.value))
      }
    }
  } finally {
    // After a stop string, an error or when the reader went away, nothing may go on computing.
    await tokens.return('aborted')
  }
  if (end === 'aborted') throw signal.reason
  yield* answer.finish(detokenizer.flush())
  yield {
    type: 'finish',
    reason: end === 'length' && !answer.stopped ? 'length' : 'stop',
    usage: { promptTokens: promptIds.length, completionTokens },
  }
}

function encodePrompt(chat: ChatModel, request: ChatRequest): number[] {
  const text = chat.template.render(request.messages, { tools: request.tools, addGenerationPrompt: true })
  const ids = chat.tokenizer.encode(text)
  return chat.addBos && chat.bosId !== null && ids[0] !== chat.bosId ? [chat.bosId, ...ids] : ids
}

/** The fields of a chat request behind what can be wrong with a generation. */
const PARAMS: Record<GenerateRequestError['code'], string> = {
  empty_prompt: 'messages',
  context_length_exceeded: 'messages',
  token_id_out_of_range: 'logit_bias',
}

function check(chat: ChatModel, generation: GenerateRequest): void {
  try {
    checkRequest(chat.language, generation)
  } catch (error) {
    if (!(error instanceof GenerateRequestError)) throw error
    throw new ChatRequestError(error.code, error.message, PARAMS[error.code], { cause: error })
  }
}

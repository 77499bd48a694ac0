import { checkRequest, GenerateRequestError } from '../generate/check-request.ts'
import { generate } from '../generate/generate.ts'
import type { GenerateEnd, GenerateRequest, SamplingParams } from '../generate/types.ts'
import { Detokenizer } from '../tokenizer/detokenizer.ts'
import { AnswerParser } from './answer-parser.ts'
import type { ChatModel } from './chat-model.ts'
import { ChatRequestError } from './errors.ts'
import type { ChatEvent } from './events.ts'
import { chatLogprob } from './logprobs.ts'
import type { ChatMessage } from './messages.ts'
import { ReasoningBudget } from './reasoning-budget.ts'
import { samplingParams } from './sampling.ts'
import { endsInReasoning, withoutToolCalls } from './tags.ts'

export interface ChatRequest {
  readonly messages: readonly ChatMessage[]
  /** Tools to offer. Without any, what looks like a tool call is content. */
  readonly tools?: readonly unknown[]
  /** false: the answer ends with its first tool call. */
  readonly parallelToolCalls?: boolean
  /** undefined: as far as the context reaches. */
  readonly maxTokens?: number
  /** Tokens after which reasoning is closed; 0: there is none. undefined: as long as the model likes. */
  readonly reasoningBudget?: number
  readonly sampling: Partial<SamplingParams>
  readonly stop: readonly string[]
  /** Alternatives to report beside each token's logprob; undefined: no logprobs. */
  readonly topLogprobs?: number
}

/**
 * Answers a chat: 'start' before anything is computed, then what it says, then 'finish'; or the signal's reason thrown when it
 * aborts. Throws ChatRequestError before 'start'. Closing the generator stops the computation.
 */
export async function* complete(chat: ChatModel, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const promptIds = encodePrompt(chat, request)
  const answer = answerParser(chat, request, promptIds)
  const generation: GenerateRequest = {
    promptIds,
    // The context ends the answer in any case.
    maxTokens: request.maxTokens ?? Number.POSITIVE_INFINITY,
    sampling: samplingParams(request.sampling, chat.defaults),
    eosIds: chat.eosIds,
    topLogprobs: request.topLogprobs,
    steering: reasoningBudget(chat, request, answer),
    signal,
  }
  check(chat, generation)
  yield { type: 'start', promptTokens: promptIds.length }

  const tokens = generate(chat.language, generation)
  const detokenizer = new Detokenizer(chat.tokenizer, promptIds.at(-1))
  let completionTokens = 0
  let end: GenerateEnd | undefined
  try {
    while (!end && !answer.stopped) {
      const step = await tokens.next()
      if (step.done) {
        end = step.value
      } else {
        completionTokens++
        const { id } = step.value
        yield* answer.push({ id, text: detokenizer.push(id), logprob: chatLogprob(chat.tokenizer, step.value) })
      }
    }
  } finally {
    // After a stop string, an error or when the reader went away, nothing may go on computing.
    await tokens.return('aborted')
  }
  if (end === 'aborted') throw signal.reason
  const cut = end === 'length' && !answer.stopped
  yield* answer.finish(detokenizer.flush(), cut)
  const { reasoningTokens, toolCalls } = answer
  yield {
    type: 'finish',
    reason: cut ? 'length' : toolCalls > 0 ? 'tool_calls' : 'stop',
    usage: { promptTokens: promptIds.length, completionTokens, reasoningTokens },
  }
}

function encodePrompt(chat: ChatModel, request: ChatRequest): number[] {
  const text = chat.template.render(request.messages, { tools: request.tools, addGenerationPrompt: true })
  const ids = chat.tokenizer.encode(text)
  return chat.addBos && chat.bosId !== null && ids[0] !== chat.bosId ? [chat.bosId, ...ids] : ids
}

function answerParser(
  { tags, tokenizer }: ChatModel,
  request: ChatRequest,
  promptIds: readonly number[],
): AnswerParser {
  return new AnswerParser({
    tags: request.tools?.length ? tags : withoutToolCalls(tags),
    startsInReasoning: endsInReasoning(promptIds, tags, tokenizer),
    parallelToolCalls: request.parallelToolCalls ?? true,
    stop: request.stop,
  })
}

function reasoningBudget({ tags, tokenizer }: ChatModel, { reasoningBudget }: ChatRequest, answer: AnswerParser) {
  const reasons = [...tags.values()].includes('<think>')
  return reasoningBudget !== undefined && reasons ? new ReasoningBudget(reasoningBudget, answer, tokenizer) : undefined
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

import { ATTENTIVE, type Visitor } from '../generate/queue.ts'
import { seedOfAnswer } from '../generate/random.ts'
import type { SamplingParams } from '../generate/types.ts'
import type { Constraint } from '../grammar/constraint.ts'
import type { ToolChoice } from '../grammar/tool-choice.ts'
import { EdgeTurn } from '../route/edge-turn.ts'
import { type ChatService, edgeAlone } from '../route/service.ts'
import type { RouteWish } from '../route/wish.ts'
import { answer } from './answer.ts'
import { mayThink } from './answer-steering.ts'
import type { ChatModel } from './chat-model.ts'
import type { AnswersEvent, ChatEvent } from './events.ts'
import { interleave } from './interleave.ts'
import type { ChatMessage } from './messages.ts'
import { decide, type Prepared, prepare } from './prepare.ts'
import { Thinking } from './thinking.ts'

/** Answers of one request that origins give at once: as many responses as Cloudflare lets a Worker wait for. */
const AT_ORIGINS = 6

/** What is asked of an answer, whatever it goes on from. */
interface AnswerSettings {
  /** What the answer must be. */
  readonly constraint?: Constraint
  /** The field that asks for it, for errors. */
  readonly constraintParam?: string
  /** undefined: as far as the context reaches. */
  readonly maxTokens?: number
  /** Tokens before which neither the EOS token nor `stopTokenIds` come; left out: none. Stop strings end the answer all the same. */
  readonly minTokens?: number
  /** true: the EOS token does not end the answer. */
  readonly ignoreEos?: boolean
  /** Tokens that end the answer as the EOS token does. */
  readonly stopTokenIds?: readonly number[]
  /** Where the answer should come from. */
  readonly wish?: RouteWish
  readonly sampling: Partial<SamplingParams>
  readonly stop: readonly string[]
  /** Alternatives to report beside each token's logprob; undefined: no logprobs. */
  readonly topLogprobs?: number
  /** Whose turn the answer takes at the edge; left out: that of somebody who reads it to its end. */
  readonly visitor?: Visitor
}

export interface ChatRequest extends AnswerSettings {
  readonly messages: readonly ChatMessage[]
  /** Tools to offer. Without any, what looks like a tool call is content. */
  readonly tools?: readonly unknown[]
  /** Left out: 'auto'. */
  readonly toolChoice?: ToolChoice
  /** false: the answer ends with its first tool call. */
  readonly parallelToolCalls?: boolean
  /** Tokens after which reasoning is closed; 0: there is none. undefined: as long as the model likes, and the edge can. */
  readonly reasoningBudget?: number
  /** How hard to think, for the choice between edge and origin. */
  readonly reasoningEffort?: string
  /** Variables for the template beside its own. */
  readonly templateKwargs?: Readonly<Record<string, unknown>>
  /** The answer goes on with the content of the last message; left out: false. */
  readonly continueFinalMessage?: boolean
  /** The prompt ends with the header of an answer; left out: unless the last message goes on. */
  readonly addGenerationPrompt?: boolean
}

/** A text or tokens to go on from as they are, without a template: all of the answer is content. */
export interface TextRequest extends AnswerSettings {
  readonly prompt: string | readonly number[]
  /** The prompt's own logprobs are told too, where there are any. */
  readonly scorePrompt?: boolean
}

export type AnswerRequest = ChatRequest | TextRequest

/**
 * Answers a chat: 'start' before its turn comes, then what it says, then 'finish'; or the signal's reason thrown when it aborts.
 * Throws ChatRequestError and QueueFullError before 'start', and OriginsFailedError. Closing the generator stops the computation, here
 * and at an origin; while it waits, only the signal ends it.
 */
export async function* complete(
  chat: ChatModel,
  request: ChatRequest,
  signal: AbortSignal,
  service: ChatService = edgeAlone(),
): AsyncGenerator<ChatEvent> {
  for await (const { event } of completeAll(chat, [request], 1, signal, service)) {
    if (event.type !== 'prompt') yield event
  }
}

/**
 * Answers `each` times to every request, in the order of the requests: one 'start', and a 'finish' of every answer. At the edge the answers
 * follow each other in one turn, over a prompt that is computed once; origins give all of them at once. With a seed the answers of a
 * request have seeds of their own, the first one the request's. `thinking` may be ended meanwhile. Throws as `complete` does.
 */
export async function* completeAll(
  chat: ChatModel,
  requests: readonly AnswerRequest[],
  each: number,
  signal: AbortSignal,
  service: ChatService = edgeAlone(),
  thinking = new Thinking(),
): AsyncGenerator<AnswersEvent> {
  const prepared: Prepared[] = []
  try {
    for (const request of requests) prepared.push(await prepare(chat, request, service, signal))
    yield* answers(chat, prepared, each, requests[0].visitor ?? ATTENTIVE, signal, service, thinking)
  } finally {
    for (const { grammars } of prepared) grammars?.dispose()
  }
}

async function* answers(
  chat: ChatModel,
  prepared: readonly Prepared[],
  each: number,
  visitor: Visitor,
  signal: AbortSignal,
  service: ChatService,
  thinking: Thinking,
): AsyncGenerator<AnswersEvent> {
  thinking.expect(prepared.filter(({ request }) => mayThink(chat.tags, request)).length * each)
  const decision = decide(chat, service, prepared, each)
  const turnOf = { language: chat.language, queue: service.queue, visitor, each }
  const shared = decision.route === 'origin' ? undefined : new EdgeTurn({ ...turnOf, answers: prepared.length * each })
  const abort = new AbortController()
  const all = AbortSignal.any([signal, abort.signal])
  const generators = prepared.flatMap((one) =>
    Array.from({ length: each }, (_, index) => {
      const sampling = { ...one.sampling, seed: seedOfAnswer(one.sampling.seed, index) }
      const turn = shared ?? new EdgeTurn({ ...turnOf, answers: 1 })
      const tellsPrompt = index === 0
      return answer(
        chat,
        { ...one, sampling },
        { decision, service, visitor, turn, thinking, tellsPrompt, signal: all },
      )
    }),
  )
  try {
    signal.throwIfAborted()
    shared?.enter(signal)
    const promptTokens = prepared.reduce((sum, { prompt }) => sum + prompt.ids.length, 0)
    yield { answer: 0, event: { type: 'start', promptTokens, route: decision } }
    if (shared) {
      for (const [index, events] of generators.entries()) {
        for await (const event of events) yield { answer: index, event }
      }
    } else {
      for await (const [index, event] of interleave(generators, AT_ORIGINS, () => abort.abort(signal.reason))) {
        yield { answer: index, event }
      }
    }
  } finally {
    shared?.leave()
  }
}

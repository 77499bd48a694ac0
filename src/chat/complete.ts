import { checkRequest, GenerateRequestError } from '../generate/check-request.ts'
import { ATTENTIVE, type Visitor } from '../generate/queue.ts'
import type { GenerateEnd, GenerateRequest, SamplingParams } from '../generate/types.ts'
import type { Constraint } from '../grammar/constraint.ts'
import type { ToolChoice } from '../grammar/tool-choice.ts'
import { History } from '../origin/history.ts'
import { chooseRoute } from '../route/choose.ts'
import { EdgeStretches } from '../route/edge-stretch.ts'
import { OriginsFailedError } from '../route/errors.ts'
import type { SourcedToken } from '../route/handover.ts'
import { loneReasoning } from '../route/limits.ts'
import type { Decision } from '../route/policy.ts'
import { type ChatService, edgeAlone } from '../route/service.ts'
import { answerTokens } from '../route/tokens.ts'
import type { RouteWish } from '../route/wish.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { AnswerParser } from './answer-parser.ts'
import { AnswerText } from './answer-text.ts'
import type { ChatModel } from './chat-model.ts'
import { ChatRequestError } from './errors.ts'
import type { ChatEvent } from './events.ts'
import { chatLogprob } from './logprobs.ts'
import type { ChatMessage } from './messages.ts'
import { encodePrompt } from './prompt.ts'
import { ReasoningBudget } from './reasoning-budget.ts'
import { samplingParams } from './sampling.ts'
import type { AnswerToken } from './tag-splitter.ts'
import { endsInReasoning, withoutToolCalls } from './tags.ts'

export interface ChatRequest {
  readonly messages: readonly ChatMessage[]
  /** Tools to offer. Without any, what looks like a tool call is content. */
  readonly tools?: readonly unknown[]
  /** Left out: 'auto'. */
  readonly toolChoice?: ToolChoice
  /** false: the answer ends with its first tool call. */
  readonly parallelToolCalls?: boolean
  /** What the answer must be. */
  readonly constraint?: Constraint
  /** undefined: as far as the context reaches. */
  readonly maxTokens?: number
  /** Tokens after which reasoning is closed; 0: there is none. undefined: as long as the model likes, and the edge can. */
  readonly reasoningBudget?: number
  /** How hard to think, for the choice between edge and origin. */
  readonly reasoningEffort?: string
  /** Where the answer should come from. */
  readonly wish?: RouteWish
  readonly sampling: Partial<SamplingParams>
  readonly stop: readonly string[]
  /** Alternatives to report beside each token's logprob; undefined: no logprobs. */
  readonly topLogprobs?: number
  /** Whose turn the answer takes at the edge; left out: that of somebody who reads it to its end. */
  readonly visitor?: Visitor
}

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
  checkTools(chat, request)
  const maxTokens = Math.max(chat.language.contextLength, service.origins.contextLength)
  const prompt = await encodePrompt(chat, request, maxTokens, signal)
  const promptTokens = prompt.ids.length
  const sampling = samplingParams(request.sampling, chat.defaults)
  const decision = chooseRoute(service, { ...request, prompt, sampling }, chat.language.contextLength)
  check(chat, { promptIds: prompt.ids, sampling }, decision, maxTokens)

  const answer = answerParser(chat, request, prompt.ids)
  const generation = { sampling, eosIds: chat.eosIds, topLogprobs: request.topLogprobs }
  const edge = new EdgeStretches({
    language: chat.language,
    queue: service.queue,
    visitor: request.visitor ?? ATTENTIVE,
    request: generation,
    reasoningTokens: () => answer.reasoningTokens,
  })
  const text = new AnswerText(chat.tokenizer, prompt.ids[promptTokens - 1])
  const made = { edge: 0, origin: 0 }
  let tokens: ReturnType<typeof answerTokens> | undefined
  let end: GenerateEnd | undefined
  try {
    signal.throwIfAborted()
    if (decision.route !== 'origin') edge.enter(signal)
    yield { type: 'start', promptTokens, route: decision }

    tokens = answerTokens({
      ...generation,
      route: decision.route,
      service,
      edge,
      edgeContextLength: chat.language.contextLength,
      prompt: new History(chat.tokenizer, prompt),
      // The context ends the answer in any case.
      maxTokens: request.maxTokens ?? Number.POSITIVE_INFINITY,
      steering: reasoningBudget(chat, request, answer, edge, loneReasoning(service.limits, decision.route)),
      signal,
    })
    while (!end && !answer.stopped) {
      const step = await tokens.next()
      if (step.done) {
        end = step.value
      } else {
        const token = step.value
        if (token.source === 'origin') edge.interrupted()
        made[token.source] += 'id' in token ? 1 : token.count
        yield* answer.push(answerToken(chat.tokenizer, token, text.push(token)))
      }
    }
  } finally {
    // After a stop string, an error or when the reader went away, nothing may go on computing.
    await tokens?.return('aborted')
    edge.release()
  }
  if (end === 'aborted') throw signal.reason
  const cut = end === 'length' && !answer.stopped
  yield* answer.finish(text.flush(), cut)
  const completionTokens = made.edge + made.origin
  yield {
    type: 'finish',
    reason: cut ? 'length' : answer.toolCalls > 0 ? 'tool_calls' : 'stop',
    stopString: answer.stopString,
    usage: {
      promptTokens,
      completionTokens,
      // Of text the tokens are known at its end only.
      reasoningTokens: Math.min(answer.reasoningTokens, completionTokens),
      edgeTokens: made.edge,
      originTokens: made.origin,
    },
    route: decision,
  }
}

/** What the template would leave out without a word is refused. */
function checkTools({ template }: ChatModel, { messages, tools }: ChatRequest): void {
  if (tools?.length && !template.takesTools) throw withoutTools('tools')
  const index = messages.findIndex(({ tool_calls }) => tool_calls?.length)
  if (index >= 0 && !template.takesToolCalls) throw withoutTools(`messages.${index}.tool_calls`)
}

function withoutTools(param: string): ChatRequestError {
  return new ChatRequestError(
    'unsupported_parameter',
    `The chat template of this model has no place for tools and their calls: leave ${param} out.`,
    param,
  )
}

function answerToken(tokenizer: Tokenizer, token: SourcedToken, text: string): AnswerToken {
  if ('text' in token) return { id: undefined, text, count: token.count }
  return { id: token.id, text, logprob: chatLogprob(tokenizer, token) }
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

/** What the request allows; at the edge also what the edge can, so that an answer follows. */
function reasoningBudget(
  { tags, tokenizer }: ChatModel,
  { reasoningBudget }: ChatRequest,
  answer: AnswerParser,
  edge: EdgeStretches,
  edgeTokens: number,
) {
  if (![...tags.values()].includes('<think>')) return undefined
  const limit = () =>
    reasoningBudget === undefined
      ? edge.reasoningLimit(edgeTokens)
      : Math.min(reasoningBudget, edge.reasoningLimit(Number.POSITIVE_INFINITY))
  return new ReasoningBudget(limit, answer, tokenizer)
}

/** The fields of a chat request behind what can be wrong with a generation. */
const PARAMS: Record<GenerateRequestError['code'], string> = {
  empty_prompt: 'messages',
  context_length_exceeded: 'messages',
  token_id_out_of_range: 'logit_bias',
}

function check(
  { language }: ChatModel,
  request: Pick<GenerateRequest, 'promptIds' | 'sampling'>,
  { route, reason }: Decision,
  maxTokens: number,
): void {
  try {
    const { vocabSize, contextLength } = language
    // What fills the longest context, and leaves no place for an answer, is no failure of the origins.
    checkRequest({ vocabSize, contextLength: maxTokens }, request)
    const { length } = request.promptIds
    const isTooLong = length >= contextLength
    if (isTooLong && reason === 'origins-down') throw new OriginsFailedError(length, contextLength)
    if (route !== 'origin') checkRequest(language, request)
  } catch (error) {
    if (!(error instanceof GenerateRequestError)) throw error
    throw new ChatRequestError(error.code, error.message, PARAMS[error.code], { cause: error })
  }
}

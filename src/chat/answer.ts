import type { Visitor } from '../generate/queue.ts'
import type { GenerateEnd } from '../generate/types.ts'
import { History } from '../origin/history.ts'
import { EdgeStretches } from '../route/edge-stretch.ts'
import type { EdgeTurn } from '../route/edge-turn.ts'
import { loneReasoning } from '../route/limits.ts'
import type { Decision } from '../route/policy.ts'
import type { ChatService } from '../route/service.ts'
import { isNotice, type Rescue, type SourcedToken } from '../route/source.ts'
import { answerTokens } from '../route/tokens.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { AnswerGrammar } from './answer-grammar.ts'
import { AnswerParser } from './answer-parser.ts'
import { answerSteering, mayLoop, reasoningBudget } from './answer-steering.ts'
import { AnswerText } from './answer-text.ts'
import type { ChatModel } from './chat-model.ts'
import type { AnswerRequest } from './complete.ts'
import type { ChatEvent, PromptEvent } from './events.ts'
import { chatLogprob, promptLogprobs } from './logprobs.ts'
import { LoopRescue } from './loop-rescue.ts'
import type { Prepared } from './prepare.ts'
import type { AnswerToken } from './tag-splitter.ts'
import { endsInReasoning, spelledCallTags, type Tags, withoutToolCalls } from './tags.ts'
import type { Thinking } from './thinking.ts'

/** What an answer shares with others to the same request. */
export interface AnswerSetting {
  readonly decision: Decision
  readonly service: ChatService
  readonly visitor: Visitor
  readonly turn: EdgeTurn
  /** Whoever may end it. */
  readonly thinking: Thinking
  /** The prompt's own logprobs are told, where the request asks for them. */
  readonly tellsPrompt: boolean
  readonly signal: AbortSignal
}

/** What one answer says, and its finish. */
export async function* answer(
  chat: ChatModel,
  { request, prompt, sampling, stopRules, grammars }: Prepared,
  { decision, service, visitor, turn, thinking, tellsPrompt, signal }: AnswerSetting,
): AsyncGenerator<ChatEvent | PromptEvent> {
  const previous = prompt.ids[prompt.ids.length - 1]
  const tags = tagsOf(chat, request)
  const parser = answerParser(chat, request, tags, prompt.ids)
  const eosIds = [...(stopRules.ignoreEos ? [] : chat.eosIds), ...stopRules.stopTokenIds]
  const { topLogprobs } = request
  const edge = new EdgeStretches({
    language: chat.language,
    queue: service.queue,
    visitor,
    turn,
    request: { sampling, eosIds, minTokens: stopRules.minTokens, topLogprobs },
    reasoningTokens: () => parser.reasoningTokens,
  })
  const text = new AnswerText(chat.tokenizer, previous)
  const made = { edge: 0, origin: 0 }
  let tokens: ReturnType<typeof answerTokens> | undefined
  let end: GenerateEnd | undefined
  /** The first token of its source. */
  let at: SourcedToken | undefined
  const askedAt = Date.now()
  let firstAt: number | undefined
  const grammar =
    grammars &&
    new AnswerGrammar({
      parser,
      tokenizer: chat.tokenizer,
      tags,
      eosIds: chat.eosIds,
      vocabSize: chat.language.vocabSize,
      previous,
      grammars,
      ignoreEos: stopRules.ignoreEos,
      parallelToolCalls: parallelToolCalls(request),
    })
  const budget = reasoningBudget(chat, request, parser, edge, loneReasoning(service.limits, decision.route))
  if (budget) thinking.enter(budget)
  const loops =
    mayLoop(request, stopRules) || !service.limits.rescuesLoops
      ? undefined
      : new LoopRescue({
          parser,
          budget,
          tokenizer: chat.tokenizer,
          isHeld: grammar !== undefined,
          canMove: () => decision.route !== 'edge' && service.origins.available,
        })
  let rescued: Rescue | undefined
  try {
    if (tellsPrompt && 'prompt' in request && request.scorePrompt && topLogprobs !== undefined) {
      const scored = await edge.score(prompt.ids, topLogprobs, signal)
      yield { type: 'prompt', logprobs: promptLogprobs(chat.tokenizer, prompt.ids, scored) }
    }
    tokens = answerTokens({
      sampling,
      eosIds,
      stopRules,
      topLogprobs,
      decision,
      service,
      edge,
      edgeContextLength: chat.language.contextLength,
      prompt: new History(chat.tokenizer, prompt),
      // The context ends the answer in any case.
      maxTokens: request.maxTokens ?? Number.POSITIVE_INFINITY,
      steering: answerSteering(budget, grammar, loops, chat),
      signal,
    })
    while (!end && !parser.stopped) {
      const step = await tokens.next()
      if (step.done) {
        end = step.value
        break
      }
      const token = step.value
      if (isNotice(token)) {
        yield { ...token, tokens: made.edge + made.origin }
        continue
      }
      firstAt ??= Date.now()
      const { source, origin, reason } = token
      // What is put in before an origin's first token is nobody's yet.
      const hasSource = source === 'edge' || origin !== undefined
      if (hasSource && (source !== at?.source || origin !== at.origin)) {
        yield { type: 'source', source, origin, reason, edgeTokens: made.edge }
        at = token
      }
      if (source === 'origin') edge.interrupted()
      const count = 'id' in token ? 1 : token.count
      made[source] += count
      service.made?.(source, count)
      const events = parser.push(answerToken(chat.tokenizer, token, text.push(token)))
      const id = 'id' in token ? token.id : chat.tokenizer.encode(token.text).at(-1)
      if (id !== undefined) grammar?.push(id)
      yield* events
      const rescue = loops?.push(token, source)
      if (!rescue) continue
      rescued = rescue
      yield { type: 'rescued', tokens: made.edge + made.origin, rescue }
      if (rescue === 'end') end = 'length'
    }
  } finally {
    // After a stop string, an error or when the reader went away, nothing may go on computing.
    await tokens?.return('aborted')
    grammar?.dispose()
    if (budget) thinking.leave(budget)
  }
  if (end === 'aborted') throw signal.reason
  const cut = end === 'length' && !parser.stopped
  firstAt ??= Date.now()
  yield* parser.finish(text.flush(), cut)
  const completionTokens = made.edge + made.origin
  const startedAt = edge.first?.at ?? askedAt
  yield {
    type: 'finish',
    reason: cut ? 'length' : parser.toolCalls > 0 ? 'tool_calls' : 'stop',
    stopString: parser.stopString,
    usage: {
      promptTokens: prompt.ids.length,
      cachedTokens: edge.first?.cachedTokens ?? 0,
      completionTokens,
      // Of text the tokens are known at its end only.
      reasoningTokens: Math.min(parser.reasoningTokens, completionTokens),
      edgeTokens: made.edge,
      originTokens: made.origin,
      rescued,
    },
    timings: { promptMs: firstAt - startedAt, predictedMs: Date.now() - firstAt },
    route: decision,
  }
}

function answerToken(tokenizer: Tokenizer, token: SourcedToken, text: string): AnswerToken {
  if ('text' in token) return { id: undefined, text, count: token.count }
  return { id: token.id, text, logprob: chatLogprob(tokenizer, token) }
}

/** The tags that count: of a text that goes on none do, and without tools a call is text. */
function tagsOf({ tags }: ChatModel, request: AnswerRequest): Tags {
  if ('prompt' in request) return new Map()
  return request.tools?.length ? tags : withoutToolCalls(tags)
}

function parallelToolCalls(request: AnswerRequest): boolean {
  return 'prompt' in request || (request.parallelToolCalls ?? true)
}

function answerParser(chat: ChatModel, request: AnswerRequest, tags: Tags, promptIds: readonly number[]): AnswerParser {
  return new AnswerParser({
    tags,
    spelledTags: 'messages' in request && request.tools?.length ? spelledCallTags(chat.tags) : [],
    startsInReasoning:
      'messages' in request && endsInReasoning(promptIds, chat.tags, chat.tokenizer, request.continueFinalMessage),
    parallelToolCalls: parallelToolCalls(request),
    stop: request.stop,
  })
}

import type { SamplingParams, StopRules } from '../generate/types.ts'
import type { Prompt } from '../origin/history.ts'
import { type Decision, decideRoute } from './policy.ts'
import type { ChatService } from './service.ts'
import type { RouteWish } from './wish.ts'

/** What of a request the choice depends on. */
export interface RouteRequest {
  readonly prompt: Prompt
  readonly sampling: SamplingParams
  /** undefined: as far as the context reaches. */
  readonly maxTokens?: number
  readonly reasoningEffort?: string
  readonly topLogprobs?: number
  /** The prompt's own logprobs are asked for. */
  readonly scorePrompt?: boolean
  readonly stopRules: StopRules
  /** How many are asked for. */
  readonly answers: number
  /** A grammar holds the answer, from its first token or after its reasoning. */
  readonly grammar?: 'at once' | 'later'
  readonly wish?: RouteWish
}

/** Where an answer is to come from, as things stand now. @param contextLength the edge's */
export function chooseRoute(
  { origins, limits, queue }: ChatService,
  request: RouteRequest,
  contextLength: number,
): Decision {
  const { prompt, sampling, maxTokens, reasoningEffort, topLogprobs, scorePrompt, stopRules, answers, wish } = request
  // What reasons need not hold to the grammar of the answer, if the edge can answer.
  const grammar = request.grammar === 'at once' || (request.grammar === 'later' && prompt.ids.length >= contextLength)
  const demands = { sampling, topLogprobs, scorePrompt, stopRules, grammar, hasText: prompt.text !== undefined }
  const can = (begun: boolean) => origins.unsupported({ ...demands, begun }) === undefined
  return decideRoute({
    wish,
    promptTokens: prompt.ids.length,
    maxTokens: maxTokens === undefined ? undefined : maxTokens * answers,
    answers,
    reasoningEffort,
    edge: {
      contextLength,
      maxPromptTokens: limits.maxPromptTokens,
      budgetTokens: limits.budgetTokens,
      ahead: queue.ahead,
    },
    origins: origins.status,
    originCan: { start: can(false), continue: can(true) },
  })
}

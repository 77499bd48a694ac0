import type { SamplingParams } from '../generate/types.ts'
import type { Prompt } from '../origin/history.ts'
import { type Decision, decideRoute } from './policy.ts'
import type { ChatService } from './service.ts'
import type { RouteWish } from './wish.ts'

/** Turns before its own that a request waits for, where an origin would take it at once. */
const MAX_WAITING = 0

/** What of a request the choice depends on. */
export interface RouteRequest {
  readonly prompt: Prompt
  readonly sampling: SamplingParams
  /** undefined: as far as the context reaches. */
  readonly maxTokens?: number
  readonly reasoningEffort?: string
  readonly topLogprobs?: number
  readonly wish?: RouteWish
}

/** Where an answer is to come from, as things stand now. @param contextLength the edge's */
export function chooseRoute(
  { origins, limits, queue }: ChatService,
  { prompt, sampling, maxTokens, reasoningEffort, topLogprobs, wish }: RouteRequest,
  contextLength: number,
): Decision {
  const hasText = prompt.text !== undefined
  const can = (begun: boolean) => origins.unsupported({ sampling, topLogprobs, begun, hasText }) === undefined
  return decideRoute({
    wish,
    promptTokens: prompt.ids.length,
    maxTokens,
    reasoningEffort,
    schema: false,
    edge: {
      contextLength,
      maxPromptTokens: limits.maxPromptTokens,
      budgetTokens: limits.budgetTokens,
      waiting: queue.ahead,
      maxWaiting: MAX_WAITING,
    },
    origins: origins.status,
    originCan: { start: can(false), continue: can(true) },
  })
}

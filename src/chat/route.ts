import type { SamplingParams } from '../generate/types.ts'
import type { Prompt } from '../origin/history.ts'
import { type Decision, decideRoute } from '../origin/policy.ts'
import type { ChatModel } from './chat-model.ts'
import type { ChatService } from './chat-service.ts'
import type { ChatRequest } from './complete.ts'

/** Turns before its own that a request waits for, where an origin would take it at once. */
const MAX_WAITING = 0

/** Where the answer to a prompt is to come from, as things stand now. */
export function chooseRoute(
  { language }: ChatModel,
  { origins, limits, queue }: ChatService,
  request: ChatRequest,
  prompt: Prompt,
  sampling: SamplingParams,
): Decision {
  const { topLogprobs, maxTokens, reasoningEffort, wish } = request
  const hasText = prompt.text !== undefined
  const can = (begun: boolean) => origins.unsupported({ sampling, topLogprobs, begun, hasText }) === undefined
  return decideRoute({
    wish,
    promptTokens: prompt.ids.length,
    maxTokens,
    reasoningEffort,
    schema: false,
    edge: {
      contextLength: language.contextLength,
      maxPromptTokens: limits.maxPromptTokens,
      budgetTokens: limits.budgetTokens,
      waiting: queue.ahead,
      maxWaiting: MAX_WAITING,
    },
    origins: origins.status,
    originCan: { start: can(false), continue: can(true) },
  })
}

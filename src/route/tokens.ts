import { relay } from '../generate/relay.ts'
import type { GeneratedToken, GenerateEnd, SamplingParams, Steering, StopRules } from '../generate/types.ts'
import type { History } from '../origin/history.ts'
import type { EdgeStretches } from './edge-stretch.ts'
import { handover } from './handover.ts'
import { edgeBudget } from './limits.ts'
import type { Decision } from './policy.ts'
import type { ChatService } from './service.ts'
import { isNotice, type Notice, type Source, type SourcedToken, type SourceReason } from './source.ts'

export interface AnswerTokensRequest {
  readonly decision: Decision
  readonly service: ChatService
  readonly edge: EdgeStretches
  readonly edgeContextLength: number
  /** The prompt alone. */
  readonly prompt: History
  readonly maxTokens: number
  readonly sampling: SamplingParams
  /** Tokens that end the answer, those of the stop rules among them. */
  readonly eosIds: readonly number[]
  readonly stopRules: StopRules
  readonly topLogprobs: number | undefined
  readonly steering: Steering | undefined
  readonly signal: AbortSignal
}

/** The tokens of an answer on its route, each with who made it. Closing the generator stops edge and origin. */
export function answerTokens(request: AnswerTokensRequest): AsyncGenerator<SourcedToken | Notice, GenerateEnd> {
  const { decision, edge, prompt, maxTokens, signal, steering } = request
  const { route, reason } = decision
  if (route !== 'edge') return fromBoth(request, route === 'origin' ? 'origin' : 'edge')
  const atEdge = (token: GeneratedToken): SourcedToken => ({ ...token, source: 'edge', reason })
  return relay(edge.run(prompt, maxTokens, signal, steering), atEdge)
}

/** An answer that fills the edge's context before an origin has taken over goes on at an origin. */
async function* fromBoth(
  request: AnswerTokensRequest,
  first: Source,
): AsyncGenerator<SourcedToken | Notice, GenerateEnd> {
  const { service, edge, prompt, maxTokens, sampling, eosIds, stopRules, topLogprobs, steering, signal } = request
  const history = prompt.with([])
  const budget = edgeBudget(service.limits, request.edgeContextLength - prompt.promptLength)
  let start = first
  let reason: SourceReason = request.decision.reason
  for (;;) {
    let last = start
    const left = maxTokens - history.length
    const tokens = handover({
      origins: service.origins,
      start,
      reason,
      edge: (...args) => edge.run(...args),
      budget,
      request: { history: history.with([]), maxTokens: left, sampling, eosIds, stopRules, topLogprobs, signal },
      steering,
      log: service.log,
    })
    const end = yield* relay(tokens, (item) => {
      if (isNotice(item)) return item
      last = item.source
      history.push(item)
      return item
    })
    const edgeIsFull = end === 'length' && last === 'edge' && history.length < maxTokens
    if (!edgeIsFull || !service.origins.available) return end
    start = 'origin'
    reason = 'edge-full'
  }
}

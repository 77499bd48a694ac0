import { relay } from '../generate/relay.ts'
import type { GeneratedToken, GenerateEnd, SamplingParams, Steering, StopRules } from '../generate/types.ts'
import type { History } from '../origin/history.ts'
import type { EdgeStretches } from './edge-stretch.ts'
import { handover, type SourcedToken } from './handover.ts'
import { edgeBudget } from './limits.ts'
import type { Route } from './policy.ts'
import type { ChatService } from './service.ts'

export interface AnswerTokensRequest {
  readonly route: Route
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
export function answerTokens(request: AnswerTokensRequest): AsyncGenerator<SourcedToken, GenerateEnd> {
  const { route, edge, prompt, maxTokens, signal, steering } = request
  if (route === 'edge') return relay(edge.run(prompt, maxTokens, signal, steering), atEdge)
  return fromBoth(request, route === 'origin' ? 'origin' : 'edge')
}

function atEdge(token: GeneratedToken): SourcedToken {
  return { ...token, source: 'edge' }
}

/** An answer that fills the edge's context before an origin has taken over goes on at an origin. */
async function* fromBoth(
  request: AnswerTokensRequest,
  first: SourcedToken['source'],
): AsyncGenerator<SourcedToken, GenerateEnd> {
  const { service, edge, prompt, maxTokens, sampling, eosIds, stopRules, topLogprobs, steering, signal } = request
  const history = prompt.with([])
  const budget = edgeBudget(service.limits, request.edgeContextLength - prompt.promptLength)
  for (let start = first; ; start = 'origin') {
    let last: SourcedToken['source'] = start
    const left = maxTokens - history.length
    const tokens = handover({
      origins: service.origins,
      start,
      edge: (...args) => edge.run(...args),
      budget,
      request: { history: history.with([]), maxTokens: left, sampling, eosIds, stopRules, topLogprobs, signal },
      steering,
      log: service.log,
    })
    const end = yield* relay(tokens, (token) => {
      last = token.source
      history.push(token)
      return token
    })
    const edgeIsFull = end === 'length' && last === 'edge' && history.length < maxTokens
    if (!edgeIsFull || !service.origins.available) return end
  }
}

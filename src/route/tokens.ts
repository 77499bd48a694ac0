import type { GeneratedToken, GenerateEnd, SamplingParams, Steering } from '../generate/types.ts'
import type { History } from '../origin/history.ts'
import type { EdgeStretches } from './edge-stretch.ts'
import { handover, type SourcedToken } from './handover.ts'
import type { Route } from './policy.ts'
import type { ChatService } from './service.ts'

/** Share of the room in the edge's context after which an origin goes on, where the budget is larger. */
const BUDGET_SHARE = 0.5

export interface AnswerTokensRequest {
  readonly route: Route
  readonly service: ChatService
  readonly edge: EdgeStretches
  readonly edgeContextLength: number
  /** The prompt alone. */
  readonly prompt: History
  readonly maxTokens: number
  readonly sampling: SamplingParams
  readonly eosIds: readonly number[]
  readonly topLogprobs: number | undefined
  readonly steering: Steering | undefined
  readonly signal: AbortSignal
}

/** The tokens of an answer on its route, each with who made it. Closing the generator stops edge and origin. */
export function answerTokens(request: AnswerTokensRequest): AsyncGenerator<SourcedToken, GenerateEnd> {
  const { route, edge, prompt, maxTokens, signal, steering } = request
  if (route === 'edge') return fromEdge(edge.run(prompt, maxTokens, signal, steering))
  return fromBoth(request, route === 'origin' ? 'origin' : 'edge')
}

async function* fromEdge(
  tokens: AsyncGenerator<GeneratedToken, GenerateEnd>,
): AsyncGenerator<SourcedToken, GenerateEnd> {
  try {
    for (;;) {
      const step = await tokens.next()
      if (step.done) return step.value
      yield { ...step.value, source: 'edge' }
    }
  } finally {
    await tokens.return('aborted')
  }
}

/** An answer that fills the edge's context before an origin has taken over goes on at an origin. */
async function* fromBoth(
  request: AnswerTokensRequest,
  first: SourcedToken['source'],
): AsyncGenerator<SourcedToken, GenerateEnd> {
  const { service, edge, prompt, maxTokens, sampling, eosIds, topLogprobs, steering, signal } = request
  const history = prompt.with([])
  const room = request.edgeContextLength - prompt.promptLength
  const budget = {
    tokens: Math.min(service.limits.budgetTokens, Math.ceil(room * BUDGET_SHARE)),
    msPerToken: service.limits.msPerToken,
  }
  for (let start = first; ; start = 'origin') {
    let last: SourcedToken['source'] = start
    const left = maxTokens - history.length
    const tokens = handover({
      origins: service.origins,
      start,
      edge: (...args) => edge.run(...args),
      budget,
      request: { history: history.with([]), maxTokens: left, sampling, eosIds, topLogprobs, signal },
      steering,
      log: service.log,
    })
    try {
      for (;;) {
        const step = await tokens.next()
        if (step.done) {
          const edgeIsFull = step.value === 'length' && last === 'edge' && history.length < maxTokens
          if (edgeIsFull && service.origins.available) break
          return step.value
        }
        last = step.value.source
        history.push(step.value)
        yield step.value
      }
    } finally {
      await tokens.return('aborted')
    }
  }
}

import type { RouteWish } from './wish.ts'

export type Route = 'edge' | 'origin' | 'edge-then-origin'

/** All that the choice depends on. */
export interface RoutingFacts {
  readonly wish: RouteWish | undefined
  readonly promptTokens: number
  /** What the client allows, of all answers together; undefined: as many as fit. */
  readonly maxTokens: number | undefined
  readonly answers: number
  readonly reasoningEffort: string | undefined
  readonly edge: {
    readonly contextLength: number
    /** Prompts up to this length are prefilled at the edge. */
    readonly maxPromptTokens: number
    /** Generated tokens after which an origin goes on. */
    readonly budgetTokens: number
    /** Turns before its own that it would wait for. */
    readonly ahead: number
  }
  /** 'none': no origin is configured; 'down': every circuit is open. */
  readonly origins: 'none' | 'down' | 'ready'
  /** Whether an origin can do exactly what is asked: all of the answer, and the rest of one that the edge began. */
  readonly originCan: { readonly start: boolean; readonly continue: boolean }
}

export type RoutingReason =
  | 'no-origin'
  | 'asked-for'
  | 'origins-down'
  | 'origin-cannot'
  | 'prompt-exceeds-edge'
  | 'long-prompt'
  | 'edge-busy'
  | 'long-reasoning'
  | 'several-answers'
  | 'short-answer'
  | 'cannot-hand-over'
  | 'may-get-long'

export interface Decision {
  readonly route: Route
  readonly reason: RoutingReason
}

const LONG_REASONING = new Set(['high', 'xhigh'])

/** Where an answer comes from: the first rule that applies. Tools change nothing: they stand in the prompt. */
export function decideRoute(facts: RoutingFacts): Decision {
  const { wish, promptTokens, maxTokens, answers, reasoningEffort, edge, origins, originCan } = facts
  if (origins === 'none') return { route: 'edge', reason: 'no-origin' }
  if (wish === 'edge') return { route: 'edge', reason: 'asked-for' }
  if (origins === 'down') return { route: 'edge', reason: 'origins-down' }
  if (!originCan.start) return { route: 'edge', reason: 'origin-cannot' }
  if (wish === 'origin') return { route: 'origin', reason: 'asked-for' }
  if (promptTokens >= edge.contextLength) return { route: 'origin', reason: 'prompt-exceeds-edge' }
  if (promptTokens > edge.maxPromptTokens) return { route: 'origin', reason: 'long-prompt' }
  if (edge.ahead > 0) return { route: 'origin', reason: 'edge-busy' }
  if (maxTokens !== undefined && maxTokens <= edge.budgetTokens) return { route: 'edge', reason: 'short-answer' }
  if (LONG_REASONING.has(reasoningEffort ?? '')) return { route: 'origin', reason: 'long-reasoning' }
  if (answers > 1) return { route: 'origin', reason: 'several-answers' }
  if (!originCan.continue) return { route: 'edge', reason: 'cannot-hand-over' }
  return { route: 'edge-then-origin', reason: 'may-get-long' }
}

import { z } from 'zod'
import type { Route } from './policy.ts'

const count = z.coerce.number().int().positive()

/** The variables of the Worker that say how much the edge takes upon itself. */
const variables = z.object({
  EDGE_BUDGET_TOKENS: count.default(256),
  EDGE_MAX_MS_PER_TOKEN: z.coerce.number().positive().default(500),
  EDGE_MAX_PROMPT_TOKENS: count.default(1024),
  EDGE_REASONING_TOKENS: count.default(1024),
  EDGE_LOOP_RESCUE: z.enum(['on', 'off']).default('on'),
})

export interface EdgeLimits {
  /** Generated tokens after which an origin goes on. */
  readonly budgetTokens: number
  /** Slower than this the edge hands over before its budget is spent. */
  readonly msPerToken: number
  /** Longer prompts go to an origin at once. */
  readonly maxPromptTokens: number
  /** Where no origin takes over: tokens of reasoning after which the edge closes it, unless the request says how many. */
  readonly reasoningTokens: number
  /** Whether answers that go round in circles are got out of it, here and at origins. */
  readonly rescuesLoops: boolean
}

/** Share of the room in the edge's context after which an origin goes on, where the budget is larger. */
const BUDGET_SHARE = 0.5
/** Share of the same room that reasoning may take where nobody takes over: an answer has to follow. */
const REASONING_SHARE = 0.75

/** After what an origin goes on with an answer. */
export interface EdgeBudget {
  /** Generated tokens. */
  readonly tokens: number
  /** Slower than this the edge hands over at once, in ms. */
  readonly msPerToken: number
}

/** @param room tokens of the edge's context that the prompt leaves */
export function edgeBudget({ budgetTokens, msPerToken }: EdgeLimits, room: number): EdgeBudget {
  return { tokens: Math.min(budgetTokens, Math.ceil(room * BUDGET_SHARE)), msPerToken }
}

/** Tokens of reasoning that leave room for an answer. @param room tokens of the edge's context that are left */
export function reasoningRoom(room: number): number {
  return Math.ceil(room * REASONING_SHARE)
}

/** Tokens of reasoning at the edge before it closes it: where an origin may take over, it waits for that after its budget only. */
export function loneReasoning({ budgetTokens, reasoningTokens }: EdgeLimits, route: Route): number {
  return route === 'edge' ? reasoningTokens : budgetTokens + reasoningTokens
}

export class EdgeLimitsError extends Error {
  readonly code = 'edge_limits_invalid'

  constructor(variable: string, problem: string) {
    const value = variable === 'EDGE_LOOP_RESCUE' ? "'on' or 'off'" : 'a positive number'
    super(`The variable ${variable} cannot be used: ${problem}. Set it to ${value} in wrangler.toml.`)
    this.name = 'EdgeLimitsError'
  }
}

/** Most answers that one isolate computes at the same time unless SEQUENCES says more: past this, all take longer and none come sooner. */
const MOST_SEQUENCES = 8

/**
 * Answers that one isolate computes at the same time, by the variable SEQUENCES; as many as it has KV caches where that is not set. Throws
 * EdgeLimitsError.
 */
export function readSequences(variable: unknown, caches: number): number {
  const { success, data, error } = count.safeParse(variable || Math.min(caches, MOST_SEQUENCES))
  if (!success) throw new EdgeLimitsError('SEQUENCES', error.issues[0].message)
  return data
}

/** MiB of KV caches where nothing is set: of the embedded model those of ten chats. */
const CACHE_MIB = 256

/** Bytes that the KV caches of one isolate may take, by the variable CACHE_MIB. Throws EdgeLimitsError. */
export function readCacheBytes(variable: unknown): number {
  const { success, data, error } = z.coerce
    .number()
    .nonnegative()
    .safeParse(variable ?? CACHE_MIB)
  if (!success) throw new EdgeLimitsError('CACHE_MIB', error.issues[0].message)
  return data * 2 ** 20
}

/** Throws EdgeLimitsError. */
export function readEdgeLimits(env: Readonly<Record<string, unknown>>): EdgeLimits {
  const { success, data, error } = variables.safeParse(env)
  if (!success) throw new EdgeLimitsError(error.issues[0].path.join('.'), error.issues[0].message)
  return {
    budgetTokens: data.EDGE_BUDGET_TOKENS,
    msPerToken: data.EDGE_MAX_MS_PER_TOKEN,
    maxPromptTokens: data.EDGE_MAX_PROMPT_TOKENS,
    reasoningTokens: data.EDGE_REASONING_TOKENS,
    rescuesLoops: data.EDGE_LOOP_RESCUE === 'on',
  }
}

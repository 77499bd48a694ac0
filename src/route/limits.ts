import { z } from 'zod'

const tokens = z.coerce.number().int().positive()

/** The variables of the Worker that say how much the edge takes upon itself. */
const variables = z.object({
  EDGE_BUDGET_TOKENS: tokens.default(256),
  EDGE_MAX_MS_PER_TOKEN: z.coerce.number().positive().default(500),
  EDGE_MAX_PROMPT_TOKENS: tokens.default(1024),
  EDGE_REASONING_TOKENS: tokens.default(1024),
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
}

export class EdgeLimitsError extends Error {
  readonly code = 'edge_limits_invalid'

  constructor(variable: string, problem: string) {
    super(`The variable ${variable} cannot be used: ${problem}. Set it to a positive number in wrangler.toml.`)
    this.name = 'EdgeLimitsError'
  }
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
  }
}

import { z } from 'zod'

/** Tokens of reasoning that an effort allows; a token takes 10 to 200 ms at the edge, so that each step is about four times the wait. */
const EFFORTS = {
  none: 0,
  minimal: 128,
  low: 512,
  medium: 2048,
  high: 8192,
  xhigh: undefined,
  max: undefined,
}

const effort = z.enum(Object.keys(EFFORTS) as (keyof typeof EFFORTS)[]).nullish()
const budget = z.int().nonnegative().nullish()

/** The ways in which clients limit reasoning: OpenAI's, a plain number, Anthropic's (DeepSeek's too), and OpenRouter's. */
export const reasoningFields = {
  reasoning_effort: effort,
  max_reasoning_tokens: budget,
  thinking: z
    .looseObject({ type: z.enum(['enabled', 'disabled', 'adaptive']).nullish(), budget_tokens: budget })
    .nullish(),
  reasoning: z.looseObject({ effort, max_tokens: budget, enabled: z.boolean().nullish() }).nullish(),
}

type ReasoningFields = z.infer<z.ZodObject<typeof reasoningFields>>

/** Tokens after which to close the reasoning; 0: none, undefined: no limit. Off is off, and a number goes before an effort. */
export function reasoningBudget(body: ReasoningFields): number | undefined {
  if (body.thinking?.type === 'disabled' || body.reasoning?.enabled === false) return 0
  const effort = reasoningEffort(body)
  return (
    body.max_reasoning_tokens ??
    body.thinking?.budget_tokens ??
    body.reasoning?.max_tokens ??
    (effort === undefined ? undefined : EFFORTS[effort])
  )
}

export function reasoningEffort(body: ReasoningFields): keyof typeof EFFORTS | undefined {
  return body.reasoning_effort ?? body.reasoning?.effort ?? undefined
}

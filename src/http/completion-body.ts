import { z } from 'zod'
import type { TextRequest } from '../chat/complete.ts'
import { list, tokenIds } from './bounded.ts'
import { constraintFields, constraintsOf, rejectConflicts } from './constraint-fields.ts'
import { samplingFields, samplingSettings } from './sampling-fields.ts'
import { answersField, streamFields, topLogprobsField } from './schemas.ts'
import { rejectUnsupported } from './unsupported.ts'

/** OpenAI's. */
const DEFAULT_MAX_TOKENS = 16
const MAX_PROMPTS = 128
const MAX_PROMPT_TOKENS = 50_000
/** Of all prompts together: each takes the edge as long as another request. */
const MAX_ANSWERS = 128

const ids = tokenIds(MAX_PROMPT_TOKENS).refine((list) => list.length > 0, 'expected at least one token id')
const prompt = z.union(
  [z.string(), ids, list(z.string(), MAX_PROMPTS).check(z.minLength(1)), list(ids, MAX_PROMPTS).check(z.minLength(1))],
  `expected a text, token ids, or up to ${MAX_PROMPTS} of either`,
)

/** The body of POST /v1/completions. */
export const textCompletionBody = z
  .looseObject({
    model: z.string().nullish(),
    prompt,
    max_tokens: z.int().nonnegative().nullish(),
    echo: z.boolean().nullish(),
    logprobs: topLogprobsField,
    n: answersField,
    best_of: z.int().nullish(),
    ...streamFields,
    ...samplingFields,
    ...constraintFields,
  })
  .check(({ value, issues }) => {
    const { n, best_of, ...rest } = value
    issues.push(...rejectUnsupported(rest), ...rejectConflicts(value))
    const issue = (param: string, message: string) =>
      issues.push({ code: 'custom', input: value, path: [param], message })
    if (best_of != null && best_of !== (n ?? 1)) issue('best_of', 'answers are not chosen among: leave it out')
    if (promptsOf(value.prompt).length * (n ?? 1) > MAX_ANSWERS) issue('n', `expected at most ${MAX_ANSWERS} answers`)
  })

export type TextCompletionBody = z.infer<typeof textCompletionBody>

export function promptsOf(prompt: TextCompletionBody['prompt']): readonly (string | readonly number[])[] {
  if (typeof prompt === 'string') return [prompt]
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as (string | readonly number[])[])
}

/** The requests behind a body, one for each prompt. */
export function textRequests(body: TextCompletionBody): TextRequest[] {
  const topLogprobs = body.logprobs ?? undefined
  const [held] = constraintsOf(body)
  return promptsOf(body.prompt).map((prompt) => ({
    prompt,
    scorePrompt: body.echo === true && topLogprobs !== undefined,
    maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
    ...samplingSettings(body),
    constraint: held?.constraint,
    constraintParam: held?.param,
    topLogprobs,
  }))
}

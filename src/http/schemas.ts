import { z } from 'zod'
import type { ChatRequest } from '../chat/complete.ts'
import { fields, list } from './bounded.ts'
import { constraintFields, constraintsOf, rejectConflicts } from './constraint-fields.ts'
import { withExactJson } from './exact-body.ts'
import { reasoningBudget, reasoningEffort, reasoningFields } from './reasoning.ts'
import { samplingFields, samplingSettings } from './sampling-fields.ts'
import { rejectTemplate, templateFields, templateSettings } from './template-fields.ts'
import { mustCall, rejectToolChoice, toolChoiceField, toolChoiceOf } from './tool-choice-field.ts'
import { rejectUnsupported } from './unsupported.ts'

const MAX_TOP_LOGPROBS = 20
/** Nanbeige's template takes 62 of its budget's 200,000 steps for each. */
export const MAX_MESSAGES = 2048
export const MAX_PARTS = 1024
export const MAX_TOOLS = 512
const MAX_TOOL_CALLS = 512
/** As many as OpenAI's and vLLM's clients ask for at most; each takes the edge as long as another request. */
const MAX_ANSWERS = 8

const contentPart = fields({
  type: z.string(),
  text: z.string().optional(),
  refusal: z.string().optional(),
})
const content = z.union([z.string(), list(contentPart, MAX_PARTS)], 'expected a string or an array of content parts')
const toolCall = fields({
  id: z.string().optional(),
  type: z.string().optional(),
  function: z.looseObject({
    name: z.string(),
    arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  }),
})
const reasoned = { reasoning_content: z.string().nullish(), reasoning: z.string().nullish() }
const noCalls = z
  .array(z.unknown())
  .max(0, 'only messages of the assistant have tool calls')
  .pipe(z.array(z.never()))
  .nullish()
const message = z.discriminatedUnion('role', [
  fields({ role: z.enum(['system', 'developer', 'user']), content, ...reasoned, tool_calls: noCalls }),
  fields({
    role: z.literal('tool'),
    content: content.nullish(),
    ...reasoned,
    tool_call_id: z.string().nullish(),
    tool_calls: noCalls,
  }),
  fields({
    role: z.literal('assistant'),
    content: content.nullish(),
    ...reasoned,
    tool_calls: list(toolCall, MAX_TOOL_CALLS).nullish(),
  }),
])
const tool = z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) })

/** What the template makes a prompt of. */
export const promptFields = {
  messages: list(message, MAX_MESSAGES).check(z.minLength(1)),
  tools: list(tool, MAX_TOOLS).nullish(),
  ...templateFields,
}

/** How a stream is wanted. */
export const streamFields = {
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
}

/** How many answers to one prompt. */
export const answersField = z.int().min(1).max(MAX_ANSWERS).nullish()
export const topLogprobsField = z.int().min(0).max(MAX_TOP_LOGPROBS).nullish()

/** The body of POST /v1/chat/completions; unknown fields are let through, as clients send many that change nothing here. */
export const completionBody = z
  .looseObject({
    model: z.string().nullish(),
    ...promptFields,
    tool_choice: toolChoiceField,
    parallel_tool_calls: z.boolean().nullish(),
    n: answersField,
    ...streamFields,
    max_tokens: z.int().positive().nullish(),
    max_completion_tokens: z.int().positive().nullish(),
    ...reasoningFields,
    ...samplingFields,
    ...constraintFields,
    logprobs: z.boolean().nullish(),
    top_logprobs: topLogprobsField,
  })
  .check(({ value, issues }) => {
    issues.push(
      ...rejectUnsupported(value),
      ...rejectConflicts(value),
      ...rejectToolChoice(value, constraintsOf(value)),
      ...rejectTemplate(value),
    )
    if (value.top_logprobs != null && !value.logprobs) {
      issues.push({
        code: 'custom',
        input: value,
        path: ['top_logprobs'],
        message: 'top_logprobs needs logprobs to be true',
      })
    }
  })

export type CompletionBody = z.infer<typeof completionBody>

/** The request behind a body, its OpenAI names and nulls left behind. @param source the JSON of the body. */
export function chatRequest(body: CompletionBody, source: string): ChatRequest {
  const toolChoice = toolChoiceOf(body.tool_choice)
  const tools = body.tool_choice === 'none' ? undefined : (body.tools ?? undefined)
  // Where a call has to come there is no text whose form it could be.
  const [held] = mustCall(toolChoice) ? [] : constraintsOf(body)
  return {
    ...withExactJson({ messages: body.messages, tools }, source),
    toolChoice,
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
    reasoningBudget: reasoningBudget(body),
    reasoningEffort: reasoningEffort(body),
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    ...samplingSettings(body),
    ...templateSettings(body),
    constraint: held?.constraint,
    constraintParam: held?.param,
    topLogprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
  }
}

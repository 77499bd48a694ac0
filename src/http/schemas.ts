import { z } from 'zod'
import type { ChatRequest } from '../chat/complete.ts'
import { withExactJson } from './exact-body.ts'
import { reasoningBudget, reasoningEffort, reasoningFields } from './reasoning.ts'
import { rejectUnsupported } from './unsupported.ts'

/** Generous beside OpenAI's 4; every one is searched for at every token. */
export const MAX_STOP_STRINGS = 16
const MAX_STOP_LENGTH = 1024
export const MAX_TOP_LOGPROBS = 20
/** Nanbeige's template takes 62 of its budget's 200,000 steps for each. */
export const MAX_MESSAGES = 2048
export const MAX_PARTS = 1024
/** Of a message, a part or a call, those that nobody knows among them. */
const MAX_FIELDS = 64
export const MAX_TOOLS = 512
const MAX_TOOL_CALLS = 512
const MAX_BIASES = 4096
/** Logits are divided and multiplied by it as float32: beyond these bounds they are no numbers any more, or all the same. */
const MIN_REPETITION_PENALTY = 1e-3
const MAX_REPETITION_PENALTY = 1e3
/** int64, as in vLLM. */
const MAX_SEED = 2 ** 63

/** A list whose length is known to be right before any of its items is looked at. */
export function list<Item extends z.ZodType>(item: Item, max: number) {
  return z.array(z.unknown()).max(max).pipe(z.array(item))
}

/** With fields that nobody knows, but not any number of them. */
export function fields<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z
    .looseObject(shape)
    .refine((object) => Object.keys(object).length <= MAX_FIELDS, `expected at most ${MAX_FIELDS} fields`)
}

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
export const stopString = z.string().min(1, 'a stop string must not be empty').max(MAX_STOP_LENGTH)
const logitBias = z
  .record(z.string(), z.unknown())
  .refine((bias) => Object.keys(bias).length <= MAX_BIASES, `expected at most ${MAX_BIASES} token ids`)
  .pipe(z.record(z.string().regex(/^(0|[1-9]\d*)$/, 'expected a token id'), z.number().min(-100).max(100)))
const penalty = z.number().min(-2).max(2).nullish()

/** The body of POST /v1/chat/completions; unknown fields are let through, as clients send many that change nothing here. */
export const completionBody = z
  .looseObject({
    model: z.string().nullish(),
    messages: list(message, MAX_MESSAGES).check(z.minLength(1)),
    tools: list(tool, MAX_TOOLS).nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    max_tokens: z.int().positive().nullish(),
    max_completion_tokens: z.int().positive().nullish(),
    ...reasoningFields,
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    top_k: z.int().min(-1).nullish(),
    min_p: z.number().min(0).max(1).nullish(),
    repetition_penalty: z.number().min(MIN_REPETITION_PENALTY).max(MAX_REPETITION_PENALTY).nullish(),
    presence_penalty: penalty,
    frequency_penalty: penalty,
    logit_bias: logitBias.nullish(),
    seed: z.number().min(-MAX_SEED).max(MAX_SEED).refine(Number.isInteger, 'expected an integer').nullish(),
    stop: z.union([stopString, list(stopString, MAX_STOP_STRINGS)]).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(MAX_TOP_LOGPROBS).nullish(),
  })
  .check(({ value, issues }) => {
    issues.push(...rejectUnsupported(value))
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
  const tools = body.tool_choice === 'none' ? undefined : (body.tools ?? undefined)
  return {
    ...withExactJson({ messages: body.messages, tools }, source),
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
    reasoningBudget: reasoningBudget(body),
    reasoningEffort: reasoningEffort(body),
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    sampling: {
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      // -1 is vLLM's way to say "all tokens".
      topK: body.top_k == null ? undefined : Math.max(body.top_k, 0),
      minP: body.min_p ?? undefined,
      repetitionPenalty: body.repetition_penalty ?? undefined,
      presencePenalty: body.presence_penalty ?? undefined,
      frequencyPenalty: body.frequency_penalty ?? undefined,
      logitBias: body.logit_bias
        ? new Map(Object.entries(body.logit_bias).map(([id, bias]) => [Number(id), bias]))
        : undefined,
      // -1 is llama.cpp's and vLLM's way to say "any".
      seed: body.seed == null || body.seed === -1 ? undefined : body.seed,
    },
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    topLogprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
  }
}

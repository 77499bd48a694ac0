import { z } from 'zod'

// What answers have. Objects may get more fields than these.

const count = z.int().nonnegative()
const time = z.int().describe('Unix time, in seconds')

export const error = z.looseObject({
  error: z.looseObject({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
})

export const messagesError = z.looseObject({
  type: z.literal('error'),
  error: z.looseObject({ type: z.string(), message: z.string() }),
  request_id: z.string(),
})

const usage = z.looseObject({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.looseObject({ cached_tokens: count }),
  completion_tokens_details: z.looseObject({ reasoning_tokens: count }),
  nanbeige: z.looseObject({
    route: z.enum(['edge', 'origin', 'edge-then-origin']),
    reason: z.string(),
    edge_tokens: count,
    origin_tokens: count,
  }),
})

const tokenLogprob = z.looseObject({
  token: z.string(),
  bytes: z.array(z.int().min(0).max(255)).nullable(),
  logprob: z.number(),
})
const logprobs = z.looseObject({
  content: z.array(tokenLogprob.safeExtend({ top_logprobs: z.array(tokenLogprob) })).nullable(),
})
const finishReason = z.enum(['stop', 'length', 'tool_calls'])

export const chatCompletion = z.looseObject({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: time,
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: count,
      message: z.looseObject({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        reasoning_content: z.string().nullish(),
        tool_calls: z
          .array(
            z.looseObject({
              id: z.string(),
              type: z.literal('function'),
              function: z.looseObject({ name: z.string(), arguments: z.string() }),
            }),
          )
          .optional(),
      }),
      logprobs: logprobs.nullable(),
      finish_reason: finishReason,
    }),
  ),
  usage,
  timings: z.looseObject({}),
})

export const textCompletion = z.looseObject({
  id: z.string(),
  object: z.literal('text_completion'),
  created: time,
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: count,
      text: z.string(),
      logprobs: z.looseObject({}).nullable(),
      finish_reason: finishReason,
    }),
  ),
  usage,
  timings: z.looseObject({}),
})

export const response = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: time,
  status: z.enum(['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
  model: z.string(),
  output: z.array(z.looseObject({ id: z.string(), type: z.string() })),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
  previous_response_id: z.string().nullable(),
  store: z.boolean(),
  usage: z.looseObject({ input_tokens: count, output_tokens: count, total_tokens: count }).nullish(),
})

export const deletedResponse = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  deleted: z.literal(true),
})

export const inputItems = z.looseObject({
  object: z.literal('list'),
  data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
})

export const responseInputTokens = z.looseObject({ object: z.literal('response.input_tokens'), input_tokens: count })

export const message = z.looseObject({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string(),
  content: z.array(z.looseObject({ type: z.enum(['text', 'thinking', 'tool_use']) })),
  stop_reason: z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'model_context_window_exceeded']),
  stop_sequence: z.string().nullable(),
  usage: z.looseObject({ input_tokens: count, output_tokens: count }),
})

export const messageTokens = z.looseObject({ input_tokens: count })

export const model = z.looseObject({
  id: z.string(),
  object: z.literal('model'),
  created: time,
  owned_by: z.string(),
  max_model_len: count,
  capabilities: z.record(z.string(), z.boolean()),
})

export const modelList = z.looseObject({ object: z.literal('list'), data: z.array(model) })

export const tokens = z.union([
  z.looseObject({
    count,
    max_model_len: count,
    tokens: z.array(count),
    token_strs: z.array(z.string()).nullable(),
  }),
  z.looseObject({
    tokens: z.union([
      z.array(count),
      z.array(z.looseObject({ id: count, piece: z.union([z.string(), z.array(z.int())]) })),
    ]),
  }),
])

export const text = z.looseObject({ prompt: z.string(), content: z.string() })

export const cancelled = z.looseObject({ id: z.string(), cancelled: z.boolean() })
export const answering = z.looseObject({ id: z.string(), answering: z.boolean() })

export const widgetToken = z.looseObject({
  object: z.literal('widget.token'),
  token: z.string(),
  site: z.string(),
  expires_at: time,
  requests: count,
  tokens: count,
})

export const health = z.looseObject({ status: z.enum(['ok', 'error']) })

export const props = z.looseObject({
  default_generation_settings: z.looseObject({ n_ctx: count }),
  model_alias: z.string(),
  chat_template: z.string(),
  bos_token: z.string(),
  eos_token: z.string(),
})

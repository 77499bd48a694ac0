import { z } from 'zod'
import { fields, list } from '../bounded.ts'
import { MAX_PARTS } from '../schemas.ts'

const part = fields({ type: z.string(), text: z.string().optional(), refusal: z.string().optional() })
const content = z.union([z.string(), list(part, MAX_PARTS)], 'expected a string or an array of content parts')
const text = z.looseObject({ text: z.string() })
const id = z.string().nullish()
const status = z.string().nullish()

const message = fields({
  type: z.literal('message'),
  id,
  status,
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content,
})
const reasoning = fields({
  type: z.literal('reasoning'),
  id,
  status,
  summary: list(text, MAX_PARTS).nullish(),
  content: list(text, MAX_PARTS).nullish(),
})
const functionCall = fields({
  type: z.literal('function_call'),
  id,
  status,
  call_id: z.string(),
  name: z.string(),
  arguments: z.string(),
})
const functionCallOutput = fields({
  type: z.literal('function_call_output'),
  id,
  status,
  call_id: z.string(),
  output: content,
})
const itemReference = fields({ type: z.literal('item_reference'), id: z.string() })

const ITEM_TYPES = [message, reasoning, functionCall, functionCallOutput, itemReference] as const

/** What a request may send as its input. Messages and references may leave their type out. */
export const inputItem = z.preprocess(
  (value) => (isUntyped(value) ? { ...value, type: 'role' in value ? 'message' : 'item_reference' } : value),
  z.discriminatedUnion('type', ITEM_TYPES, {
    error: ({ code }) =>
      code === 'invalid_union'
        ? `expected one of ${ITEM_TYPES.map(({ shape }) => `'${shape.type.value}'`).join(', ')}: this server has no other items`
        : undefined,
  }),
)

export type InputItem = z.infer<typeof inputItem>
/** An item that says something by itself. */
export type Item = Exclude<InputItem, { type: 'item_reference' }>

function isUntyped(value: unknown): value is object {
  return typeof value === 'object' && value !== null && (!('type' in value) || value.type == null)
}

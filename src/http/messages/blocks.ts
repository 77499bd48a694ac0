import { z } from 'zod'
import { echo } from '../../echo.ts'
import { fields, list } from '../bounded.ts'
import { MAX_PARTS } from '../schemas.ts'

const text = fields({ type: z.literal('text'), text: z.string() })
const thinking = fields({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().nullish() })
/** Of another server, which alone can read it. */
const redactedThinking = fields({ type: z.literal('redacted_thinking') })
const toolUse = fields({
  type: z.literal('tool_use'),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
})

/** What is text and nothing else: the system's prompt, and what a tool said. */
export const texts = content([text], "'text'")

const toolResult = fields({
  type: z.literal('tool_result'),
  tool_use_id: z.string(),
  content: texts.nullish(),
  is_error: z.boolean().nullish(),
})

export const turn = z.discriminatedUnion('role', [
  z.looseObject({
    role: z.literal('user'),
    content: content([text, toolResult], "'text' and 'tool_result'").refine(
      (blocks) => blocks.length > 0,
      'expected at least one block',
    ),
  }),
  z.looseObject({
    role: z.literal('assistant'),
    content: content([text, thinking, redactedThinking, toolUse], "'text', 'thinking' and 'tool_use'"),
  }),
  z.looseObject({ role: z.literal('system'), content: texts }),
])

export type Turn = z.output<typeof turn>
export type ToolResult = z.output<typeof toolResult>

/** Content of these blocks, and of no images or documents; a string is short for one block of text. */
function content<const Blocks extends readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]]>(
  blocks: Blocks,
  types: string,
) {
  const block = z.discriminatedUnion('type', blocks, {
    error: ({ input }) => {
      const type = (input as { type?: unknown } | null)?.type
      return typeof type === 'string'
        ? `a block of type '${echo(type)}' cannot be used here: this model reads text. Send blocks of type ${types}`
        : `expected a block of type ${types}`
    },
  })
  return z.preprocess(
    (value) => (typeof value === 'string' ? [{ type: 'text', text: value }] : value),
    list(block, MAX_PARTS).meta({ shortForm: 'string' }),
  )
}

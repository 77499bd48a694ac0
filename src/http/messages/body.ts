import { z } from 'zod'
import { echo } from '../../echo.ts'
import { list } from '../bounded.ts'
import { reasoningFields } from '../reasoning.ts'
import { MAX_STOP_STRINGS, stopString } from '../sampling-fields.ts'
import { MAX_MESSAGES, MAX_TOOLS } from '../schemas.ts'
import { texts, turn } from './blocks.ts'

/** Anthropic's own tools have a type of their own, such as `web_search_20250305`. */
const tool = z.looseObject({
  type: z
    .literal('custom', {
      error: ({ input }) =>
        `there is no tool '${echo(String(input))}' here. Define tools of your own, by name and input_schema`,
    })
    .nullish(),
  name: z.string().min(1),
  description: z.string().nullish(),
  input_schema: z.looseObject({ type: z.literal('object') }),
  strict: z.boolean().nullish(),
  eager_input_streaming: z.boolean().nullish(),
})
const parallel = { disable_parallel_tool_use: z.boolean().nullish() }
const toolChoice = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('auto'), ...parallel }),
  z.looseObject({ type: z.literal('any'), ...parallel }),
  z.looseObject({ type: z.literal('tool'), name: z.string(), ...parallel }),
  z.looseObject({ type: z.literal('none') }),
])
const format = z.looseObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) }).nullish()

/** What makes the prompt: the body of POST /v1/messages/count_tokens. Unknown fields are let through, as clients send many. */
export const promptBody = z
  .looseObject({
    model: z.string(),
    messages: list(turn, MAX_MESSAGES).check(z.minLength(1)),
    system: texts.nullish(),
    tools: list(tool, MAX_TOOLS).nullish(),
    tool_choice: toolChoice.nullish(),
    // Whoever takes part in the answer from another server.
    mcp_servers: nothing('the model has no way to other servers'),
    container: nothing('no code is run here'),
  })
  .check(({ value, issues }) => {
    const { tool_choice: choice, tools } = value
    const issue = (path: string[], message: string) => issues.push({ code: 'custom', input: value, path, message })
    if (choice?.type === 'any' && !tools?.length) issue(['tool_choice'], 'there are no tools to choose from')
    if (choice?.type === 'tool' && !tools?.some(({ name }) => name === choice.name)) {
      issue(['tool_choice', 'name'], `there is no tool '${echo(choice.name)}' among the tools`)
    }
    const last = value.messages.at(-1)
    if (last?.role === 'assistant' && !last.content.every(({ type }) => type === 'text')) {
      issue(['messages'], "the last message is the assistant's, and begins its answer with text: send it alone")
    }
  })

const display = z.enum(['summarized', 'omitted']).nullish()

/** The body of POST /v1/messages. */
export const messagesBody = promptBody
  .safeExtend({
    max_tokens: z.int().positive(),
    stream: z.boolean().nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    top_k: z.int().min(-1).nullish(),
    stop_sequences: list(stopString, MAX_STOP_STRINGS).nullish(),
    thinking: reasoningFields.thinking.unwrap().unwrap().safeExtend({ display }).nullish(),
    output_config: z.looseObject({ effort: reasoningFields.reasoning_effort, format }).nullish(),
    // What output_config.format was called before.
    output_format: format,
  })
  .check(({ value, issues }) => {
    const mustCall = value.tool_choice?.type === 'any' || value.tool_choice?.type === 'tool'
    if (!mustCall || !(value.output_config?.format ?? value.output_format)) return
    const message = "a call that must be made leaves no answer for a format: choose by 'auto', or leave the format out"
    issues.push({ code: 'custom', input: value, path: ['tool_choice'], message })
  })

export type PromptBody = z.output<typeof promptBody>
export type MessagesBody = z.output<typeof messagesBody>

function nothing(why: string) {
  const isNothing = (value: unknown) => value == null || (Array.isArray(value) && value.length === 0)
  return z.unknown().refine(isNothing, `${why}: leave it out`).optional()
}

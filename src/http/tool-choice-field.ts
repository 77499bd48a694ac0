import { z } from 'zod'
import { echo } from '../echo.ts'
import type { ToolChoice } from '../grammar/tool-choice.ts'
import { list } from './bounded.ts'

const MAX_ALLOWED = 512

const named = z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) })
const allowed = z.looseObject({
  type: z.literal('allowed_tools'),
  allowed_tools: z.looseObject({
    mode: z.enum(['auto', 'required']),
    tools: list(named, MAX_ALLOWED).check(z.minLength(1)),
  }),
})

/** OpenAI's tool_choice in all its forms. */
export const toolChoiceField = z
  .union(
    [z.enum(['auto', 'none', 'required']), named, allowed],
    "expected 'auto', 'none', 'required', a function's name or allowed_tools",
  )
  .nullish()

type ToolChoiceField = z.infer<typeof toolChoiceField>

/** undefined: as the model likes, of the tools that are offered. */
export function toolChoiceOf(field: ToolChoiceField): ToolChoice | undefined {
  if (field == null || field === 'auto' || field === 'none') return undefined
  if (field === 'required') return 'required'
  if (field.type === 'function') return { names: [field.function.name], required: true }
  const { mode, tools } = field.allowed_tools
  return { names: tools.map(({ function: { name } }) => name), required: mode === 'required' }
}

interface Choosing {
  readonly tools?: readonly { readonly function: { readonly name: string } }[] | null
  readonly tool_choice?: ToolChoiceField
}

export function mustCall(choice: ToolChoice | undefined): boolean {
  return choice === 'required' || (typeof choice === 'object' && choice.required)
}

/**
 * Issues where a choice names a tool that is not offered, or must call where another field holds the answer to a form. OpenAI's clients send
 * response_format with every request of a loop of tools: it is for the answer that follows the calls.
 */
export function rejectToolChoice(
  body: Choosing,
  constraints: readonly { readonly param: string }[],
): z.core.$ZodRawIssue[] {
  const choice = toolChoiceOf(body.tool_choice)
  if (choice === undefined) return []
  const issue = (message: string, code: string): z.core.$ZodRawIssue[] => [
    { code: 'custom', input: body.tool_choice, path: ['tool_choice'], message, params: { code } },
  ]
  const offered = new Set(body.tools?.map(({ function: { name } }) => name))
  if (offered.size === 0) return issue('tool_choice wants a call, and there are no tools: send some.', 'invalid_value')
  const missing = typeof choice === 'object' ? choice.names.find((name) => !offered.has(name)) : undefined
  if (missing !== undefined) {
    return issue(`tool_choice names '${echo(missing)}', which is none of the tools: send it too.`, 'invalid_value')
  }
  const other = constraints.find(({ param }) => param !== 'response_format')
  if (mustCall(choice) && other) {
    const message = `tool_choice leaves no text for ${other.param}: use 'auto', or send one of them.`
    return issue(message, 'conflicting_parameters')
  }
  return []
}

import type { ChatRequest } from '../../chat/complete.ts'
import type { ExactJson } from '../../jinja/exact-json.ts'
import { at } from '../exact-body.ts'
import type { PromptBody } from './body.ts'

/** The fields of a tool in OpenAI's form, which templates know, by their names in Anthropic's. */
const FIELDS = [
  ['name', 'name'],
  ['description', 'description'],
  ['parameters', 'input_schema'],
  ['strict', 'strict'],
] as const

/** The tools that are offered, in OpenAI's form. @param exact the body, with the numbers and the order of keys of its schemas. */
export function chatTools({ tools, tool_choice }: PromptBody, exact: ExactJson | undefined): ChatRequest['tools'] {
  if (!tools?.length || tool_choice?.type === 'none') return undefined
  return tools.map((_, index) => {
    const fields = FIELDS.map(([name, theirs]) => [name, at(exact, 'tools', index, theirs)] as const)
    const given = new Map(fields.filter(([, value]) => value != null))
    return new Map<string, unknown>([
      ['type', 'function'],
      ['function', given],
    ])
  })
}

/** How tools are called. */
export function calling({ tool_choice: choice }: PromptBody): Pick<ChatRequest, 'toolChoice' | 'parallelToolCalls'> {
  switch (choice?.type) {
    case undefined:
    case 'none':
      return {}
    case 'auto':
      return { parallelToolCalls: !choice.disable_parallel_tool_use }
    case 'any':
      return { toolChoice: 'required', parallelToolCalls: !choice.disable_parallel_tool_use }
    case 'tool':
      return {
        toolChoice: { names: [choice.name], required: true },
        parallelToolCalls: !choice.disable_parallel_tool_use,
      }
  }
}

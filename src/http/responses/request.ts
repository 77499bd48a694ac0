import type { ChatRequest } from '../../chat/complete.ts'
import type { Constraint } from '../../grammar/constraint.ts'
import type { ToolChoice } from '../../grammar/tool-choice.ts'
import type { ExactJson } from '../../jinja/exact-json.ts'
import { at, exactJson, withExactJson } from '../exact-body.ts'
import { reasoningBudget, reasoningEffort } from '../reasoning.ts'
import { samplingSettings } from '../sampling-fields.ts'
import { chosenNames, type ResponseBody } from './body.ts'
import type { Item } from './items.ts'
import { chatMessages } from './messages.ts'

/** The request behind a body that continues a conversation. @param source the JSON of the body. Throws an ApiError. */
export function responseRequest(body: ResponseBody, items: readonly Item[], source: string): ChatRequest {
  const { tools, include, reasoning } = body
  const choosable = tools?.length && body.tool_choice !== 'none'
  const hasLogprobs = body.top_logprobs != null || include?.includes('message.output_text.logprobs')
  return {
    // Arguments of calls are texts: their size alone has to be looked at.
    messages: withExactJson({ messages: chatMessages(body.instructions, items), tools: undefined }, source).messages,
    tools: choosable ? chatTools(exactJson(source), tools.length) : undefined,
    toolChoice: toolChoice(body),
    parallelToolCalls: body.parallel_tool_calls ?? undefined,
    constraint: constraint(body),
    constraintParam: 'text.format',
    reasoningBudget: reasoningBudget({ reasoning }),
    reasoningEffort: reasoningEffort({ reasoning }),
    maxTokens: body.max_output_tokens ?? undefined,
    ...samplingSettings(body),
    topLogprobs: hasLogprobs ? (body.top_logprobs ?? 0) : undefined,
  }
}

/** As chat completions have them, all but their type in a `function`, with numbers and the order of keys as the client wrote them. */
function chatTools(body: ExactJson, count: number): ExactJson[] {
  return Array.from({ length: count }, (_, index) => {
    const named = new Map(at(body, 'tools', index) as ReadonlyMap<string, ExactJson>)
    named.delete('type')
    return new Map<string, ExactJson>([
      ['type', 'function'],
      ['function', named],
    ])
  })
}

function toolChoice({ tool_choice: choice }: ResponseBody): ToolChoice | undefined {
  if (choice == null || choice === 'auto' || choice === 'none') return undefined
  if (choice === 'required') return choice
  return { names: chosenNames(choice), required: choice.type === 'function' || choice.mode === 'required' }
}

function constraint({ text }: ResponseBody): Constraint | undefined {
  switch (text?.format?.type) {
    case 'json_object':
      return { kind: 'json' }
    case 'json_schema':
      return { kind: 'schema', schema: text.format.schema, strict: text.format.strict ?? false }
  }
}

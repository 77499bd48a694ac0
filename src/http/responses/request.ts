import type { ChatRequest } from '../../chat/complete.ts'
import type { Constraint } from '../../grammar/constraint.ts'
import type { ToolChoice } from '../../grammar/tool-choice.ts'
import type { ExactJson } from '../../jinja/exact-json.ts'
import { at, exactJson } from '../exact-body.ts'
import { type CompletionBody, chatRequest } from '../schemas.ts'
import { chosenNames, type ResponseBody } from './body.ts'
import type { Item } from './items.ts'
import { chatMessages } from './messages.ts'

/** The request behind a body that continues a conversation. @param source the JSON of the body. Throws an ApiError. */
export function responseRequest(body: ResponseBody, items: readonly Item[], source: string): ChatRequest {
  const { tools } = body
  const choosable = tools?.length && body.tool_choice !== 'none'
  return {
    ...chatRequest(completionBody(body, items), source),
    tools: choosable ? chatTools(exactJson(source), tools.length) : undefined,
    toolChoice: toolChoice(body),
    constraint: constraint(body),
  }
}

/** What chat completions call otherwise, and what they call the same: only fields that have been checked. */
function completionBody(body: ResponseBody, items: readonly Item[]): CompletionBody {
  const { include, reasoning, parallel_tool_calls, max_output_tokens, top_logprobs, seed, stop, logit_bias } = body
  const { temperature, top_p, top_k, min_p, repetition_penalty, presence_penalty, frequency_penalty } = body
  return {
    messages: chatMessages(body.instructions, items) as CompletionBody['messages'],
    parallel_tool_calls,
    reasoning,
    max_tokens: max_output_tokens,
    logprobs: top_logprobs != null || include?.includes('message.output_text.logprobs'),
    top_logprobs,
    ...{ temperature, top_p, top_k, min_p, repetition_penalty, presence_penalty, frequency_penalty },
    ...{ seed, stop, logit_bias },
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

import { echo } from '../echo.ts'
import { ChatRequestError } from './errors.ts'

export interface ContentPart {
  readonly type: string
  readonly text?: string
  readonly refusal?: string
}

export interface ToolCall {
  readonly id?: string
  readonly type?: string
  /** `arguments` is JSON text in requests; templates are fed the object, as in training. */
  readonly function: { readonly name: string; readonly arguments: string | Record<string, unknown> }
}

export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  readonly content?: string | readonly ContentPart[] | null
  readonly reasoning_content?: string | null
  /** Another name of reasoning_content: what some clients send back. */
  readonly reasoning?: string | null
  readonly tool_calls?: readonly ToolCall[] | null
  readonly tool_call_id?: string | null
  readonly name?: string
}

/** A message as chat templates know it: content is text, arguments are objects, there is no developer. */
export function templateMessage(message: ChatMessage, index: number): Record<string, unknown> {
  const { role, content, reasoning_content, reasoning, tool_calls, ...rest } = message
  const reasoned = reasoning_content ?? reasoning
  return {
    ...rest,
    role: role === 'developer' ? 'system' : role,
    content: textOf(content, `messages.${index}.content`),
    ...(reasoned == null ? {} : { reasoning_content: reasoned }),
    ...(tool_calls?.length ? { tool_calls: tool_calls.map(templateToolCall) } : {}),
  }
}

function textOf(content: ChatMessage['content'], param: string): string {
  if (content == null) return ''
  if (typeof content === 'string') return content
  return content.map((part, index) => textOfPart(part, `${param}.${index}`)).join('\n')
}

const TEXT_PARTS = new Set(['text', 'input_text', 'output_text'])

function textOfPart(part: ContentPart, param: string): string {
  // The others are what OpenAI's SDKs send back of an answer, and their names in the Responses API.
  const text = part.type === 'refusal' ? part.refusal : TEXT_PARTS.has(part.type) ? part.text : undefined
  if (text !== undefined) return text
  throw new ChatRequestError(
    'unsupported_content',
    `This model reads text only: a content part of type '${echo(part.type)}' cannot be used. Send parts of type 'text'.`,
    param,
  )
}

function templateToolCall(call: ToolCall): ToolCall {
  return { ...call, function: { ...call.function, arguments: parsedArguments(call.function.arguments) } }
}

/** What a model wrote as arguments need not be JSON; then templates print the text. */
function parsedArguments(text: ToolCall['function']['arguments']): ToolCall['function']['arguments'] {
  if (typeof text !== 'string') return text
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : text
  } catch {
    return text
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

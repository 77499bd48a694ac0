import { echo } from '../echo.ts'
import { type ExactJson, parseExactJson } from '../jinja/exact-json.ts'
import { AnswerParser } from './answer-parser.ts'
import { ChatRequestError } from './errors.ts'
import type { Tag } from './tags.ts'

export interface ContentPart {
  readonly type: string
  readonly text?: string
  readonly refusal?: string
}

/** JSON text in requests; templates are fed the object, as in training. */
export type ToolArguments = string | Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>

export interface ToolCall {
  readonly id?: string
  readonly type?: string
  readonly function: { readonly name: string; readonly arguments?: ToolArguments | null }
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

/**
 * A message as chat templates know it: content is text, arguments are objects, there is no developer.
 * @param reasons the model marks its reasoning with <think>, so that an assistant's content may have it inside.
 */
export function templateMessage(message: ChatMessage, index: number, reasons: boolean): Record<string, unknown> {
  const { role, content, reasoning_content, reasoning, tool_calls, ...rest } = message
  const text = textOf(content, `messages.${index}.content`)
  const reasoned = reasoning_content ?? reasoning
  const said =
    reasoned == null && role === 'assistant' && reasons
      ? takenApart(text)
      : { content: text, ...(reasoned == null ? {} : { reasoning_content: reasoned }) }
  return {
    ...rest,
    role: role === 'developer' ? 'system' : role,
    ...said,
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

const TAGS: ReadonlyMap<number, Tag> = new Map([
  [0, '<think>'],
  [1, '</think>'],
])
/** The id of text. */
const TEXT = 2
const WITH_REASONING = /^\n*<think>(.*?)<\/think>(.*)$/s

/** Content that begins with reasoning, as our own parser reads it from a model; what only mentions the tags is all content. */
function takenApart(text: string): { readonly content: string; readonly reasoning_content?: string } {
  const parts = WITH_REASONING.exec(text)
  if (!parts) return { content: text }
  const parser = new AnswerParser({ tags: TAGS, startsInReasoning: false, parallelToolCalls: true, stop: [] })
  const tokens = [
    { id: 0, text: '<think>' },
    { id: TEXT, text: parts[1] },
    { id: 1, text: '</think>' },
    { id: TEXT, text: parts[2] },
  ]
  const said = { reasoning: '', content: '' }
  for (const event of [...tokens.flatMap((token) => parser.push(token)), ...parser.finish('', false)]) {
    if (event.type === 'reasoning' || event.type === 'content') said[event.type] += event.text
  }
  return { content: said.content, reasoning_content: said.reasoning }
}

function templateToolCall(call: ToolCall): ToolCall {
  return { ...call, function: { ...call.function, arguments: parsedArguments(call.function.arguments) } }
}

/** What a model wrote as arguments need not be a JSON object; then templates print the text. Nothing is an empty object. */
function parsedArguments(text: ToolArguments | null | undefined): ToolArguments {
  if (text == null) return {}
  if (typeof text !== 'string') return text
  if (text.trim() === '') return {}
  try {
    const value: ExactJson = parseExactJson(text)
    return value instanceof Map ? value : text
  } catch {
    return text
  }
}

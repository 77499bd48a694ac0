import { createParser } from 'eventsource-parser'
import { AnswerError } from './answer-error.ts'
import type { Source, Usage } from './turns.ts'

/** What an answer says. `text` of 'reasoning' and 'text' is a token's, or of several where the server puts them together. */
export type AnswerEvent =
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'toolCall'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'toolCallArguments'; readonly index: number; readonly text: string }
  | { readonly type: 'source'; readonly source: Source; readonly origin?: string; readonly reason?: string }
  | { readonly type: 'moving' | 'recovered' | 'rescued' }
  | { readonly type: 'usage'; readonly usage: Usage; readonly reasoningTokens: number; readonly tokens: number }
  | { readonly type: 'finish'; readonly reason: string }

/** What came at once; without events it is a heartbeat. */
export interface AnswerChunk {
  readonly completionId?: string
  /** Of the last event among these, where the server numbers them. */
  readonly eventId?: string
  readonly events: readonly AnswerEvent[]
}

interface ChunkObject {
  id?: string
  error?: { message?: string; code?: string | null }
  choices?: { delta?: Delta; finish_reason?: string | null }[]
  nanbeige?: { source?: Source; origin?: string; reason?: string; event?: 'moving' | 'recovered' | 'rescued' }
  usage?: {
    completion_tokens?: number
    prompt_tokens_details?: { cached_tokens?: number }
    completion_tokens_details?: { reasoning_tokens?: number }
    nanbeige?: { edge_tokens?: number; origin_tokens?: number; rescued?: 'origin' | 'answer' }
  } | null
}

interface Delta {
  content?: string | null
  reasoning_content?: string | null
  reasoning?: string | null
  tool_calls?: { index: number; id?: string; function?: { name?: string; arguments?: string } }[]
}

/**
 * The chunks of a response, one for all that comes at once. Throws AnswerError: 'interrupted' or 'incomplete' where the connection ends before
 * the answer does, and what the server says; and the signal's reason when it aborts.
 */
export async function* readChunks(response: Response, signal: AbortSignal): AsyncGenerator<AnswerChunk> {
  let messages: { data: string; id?: string }[] = []
  const parser = createParser({ onEvent: (event) => messages.push(event) })
  // Not `for await` over the body: Safari's ReadableStream is not iterable.
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  try {
    for (;;) {
      const { done, value } = await read(reader, signal)
      if (done) throw new AnswerError('incomplete', 'The connection ended before the answer was complete.')
      messages = []
      parser.feed(value)
      let chunk: AnswerChunk = { events: [] }
      for (const { data, id } of messages) {
        if (data === '[DONE]') {
          yield chunk
          return
        }
        const object = JSON.parse(data) as ChunkObject
        if (object.error) {
          yield chunk
          const { code, message } = object.error
          const byServer = message !== undefined
          throw new AnswerError(code ?? 'server_error', message ?? 'The server stopped with an error.', { byServer })
        }
        const events = [...chunk.events, ...eventsOf(object)]
        chunk = { completionId: object.id ?? chunk.completionId, eventId: id ?? chunk.eventId, events }
      }
      yield chunk
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

async function read(reader: ReadableStreamDefaultReader<string>, signal: AbortSignal) {
  try {
    const step = await reader.read()
    signal.throwIfAborted()
    return step
  } catch (cause) {
    signal.throwIfAborted()
    throw new AnswerError('interrupted', 'The connection broke off in the middle of the answer.', { cause })
  }
}

function eventsOf({ choices, nanbeige, usage }: ChunkObject): AnswerEvent[] {
  const events: AnswerEvent[] = []
  if (nanbeige?.event) events.push({ type: nanbeige.event })
  if (nanbeige?.source) {
    const { source, origin, reason } = nanbeige
    events.push({ type: 'source', source, origin, reason })
  }
  const choice = choices?.[0]
  const reasoning = choice?.delta?.reasoning_content ?? choice?.delta?.reasoning
  if (reasoning) events.push({ type: 'reasoning', text: reasoning })
  if (choice?.delta?.content) events.push({ type: 'text', text: choice.delta.content })
  for (const { index, id, function: called } of choice?.delta?.tool_calls ?? []) {
    if (called?.name) events.push({ type: 'toolCall', index, id: id ?? `call_${index}`, name: called.name })
    if (called?.arguments) events.push({ type: 'toolCallArguments', index, text: called.arguments })
  }
  if (choice?.finish_reason) events.push({ type: 'finish', reason: choice.finish_reason })
  if (usage) {
    const { edge_tokens = 0, origin_tokens = 0, rescued } = usage.nanbeige ?? {}
    events.push({
      type: 'usage',
      usage: {
        edgeTokens: edge_tokens,
        originTokens: origin_tokens,
        cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
        rescued,
      },
      reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
      tokens: usage.completion_tokens ?? 0,
    })
  }
  return events
}

import { EventSourceParserStream } from 'eventsource-parser/stream'

export interface Message {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

export type AnswerEvent =
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'finish'; readonly reason: string }

/** Why there is no answer, or no more of it, in words for the reader. */
export class AnswerError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AnswerError'
    this.code = code
  }
}

/** What an endpoint may want beside the question. */
export interface Access {
  /** API key. */
  readonly key?: string
  /** Name of the model, where a server has several or will not do without. */
  readonly model?: string
}

interface ApiErrorBody {
  error?: { message?: string; code?: string | null }
}

interface Chunk extends ApiErrorBody {
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string | null; reasoning?: string | null }
    finish_reason?: string | null
  }[]
}

/** The id of the model behind an endpoint. Throws AnswerError. */
export async function fetchModelId(endpoint: string, signal: AbortSignal, { key }: Access = {}): Promise<string> {
  const response = await request(endpoint, '/v1/models', { headers: authorization(key), signal })
  const { data } = (await response.json()) as { data: { id: string }[] }
  return data[0].id
}

/** Streams the answer to a conversation. Throws AnswerError, and the signal's reason when it aborts. */
export async function* streamAnswer(
  endpoint: string,
  messages: readonly Message[],
  signal: AbortSignal,
  { key, model }: Access = {},
): AsyncGenerator<AnswerEvent> {
  const response = await request(endpoint, '/v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...authorization(key) },
    body: JSON.stringify({ model, messages, stream: true }),
    signal,
  })
  for await (const data of eventData(response, signal)) {
    if (data === '[DONE]') return
    const chunk = JSON.parse(data) as Chunk
    if (chunk.error) throw apiError(chunk, 'The server stopped with an error.')
    const choice = chunk.choices?.[0]
    const reasoning = choice?.delta?.reasoning_content ?? choice?.delta?.reasoning
    if (reasoning) yield { type: 'reasoning', text: reasoning }
    if (choice?.delta?.content) yield { type: 'text', text: choice.delta.content }
    if (choice?.finish_reason) yield { type: 'finish', reason: choice.finish_reason }
  }
  throw new AnswerError('incomplete', 'The connection ended before the answer was complete.')
}

function authorization(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { Authorization: `Bearer ${key}` }
}

async function request(endpoint: string, path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`${endpoint.replace(/\/$/, '')}${path}`, init)
  } catch (cause) {
    init.signal.throwIfAborted()
    throw new AnswerError('unreachable', 'The server cannot be reached. Check the connection.', { cause })
  }
  if (response.ok) return response
  const body = (await response.json().catch(() => ({}))) as ApiErrorBody
  throw apiError(body, `The server answered with status ${response.status}.`)
}

// Not `for await` over the body: Safari's ReadableStream is not iterable.
async function* eventData(response: Response, signal: AbortSignal): AsyncGenerator<string> {
  const reader = response
    .body!.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader()
  try {
    while (true) {
      const { done, value } = await reader.read()
      signal.throwIfAborted()
      if (done) return
      yield value.data
    }
  } catch (cause) {
    signal.throwIfAborted()
    throw new AnswerError('interrupted', 'The connection broke off in the middle of the answer.', { cause })
  } finally {
    await reader.cancel().catch(() => {})
  }
}

function apiError({ error }: ApiErrorBody, otherwise: string): AnswerError {
  return new AnswerError(error?.code ?? 'server_error', error?.message ?? otherwise)
}

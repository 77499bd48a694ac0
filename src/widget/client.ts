import { type AnswerChunk, type AnswerEvent, readChunks } from './answer-chunks.ts'
import { AnswerError } from './answer-error.ts'
import type { TokenProvider } from './turns.ts'

export type { AnswerEvent } from './answer-chunks.ts'
export { AnswerError } from './answer-error.ts'

/** A message as OpenAI's API has it. */
export type Message =
  | { readonly role: 'system' | 'user'; readonly content: string }
  | {
      readonly role: 'assistant'
      readonly content: string
      readonly reasoning_content?: string
      readonly tool_calls?: readonly object[]
    }
  | { readonly role: 'tool'; readonly content: string; readonly tool_call_id: string }

/** An endpoint, and what it may want beside the question. */
export interface Server {
  /** Address of an OpenAI-compatible API, without /v1; '': the origin of the page. */
  readonly endpoint: string
  /** API key, or what gives one for each request. */
  readonly key?: string | TokenProvider
}

/** What an endpoint may want beside the question. */
export interface Access extends Omit<Server, 'endpoint'> {
  /** Name of the model, where a server has several or will not do without. */
  readonly model?: string
}

/** Where a stream is taken up: after the event that was read last. */
export interface Place {
  readonly id: string
  readonly lastEventId?: string
}

interface ApiErrorBody {
  error?: { message?: string; code?: string | null }
}

export interface Model {
  readonly id: string
  /** As far as the server says what it can. */
  readonly capabilities?: { readonly reasoning?: boolean }
}

/** The models behind an endpoint, its own first. Throws AnswerError. */
export async function fetchModels(server: Server, signal: AbortSignal): Promise<Model[]> {
  const response = await request(server, '/v1/models', { signal })
  const { data } = (await response.json()) as { data: Model[] }
  return data
}

/** The id of the model behind an endpoint. Throws AnswerError. */
export async function fetchModelId(endpoint: string, signal: AbortSignal, access: Access = {}): Promise<string> {
  return (await fetchModels({ endpoint, ...access }, signal))[0].id
}

/** Streams the answer to a conversation. Throws AnswerError, and the signal's reason when it aborts. */
export async function* streamAnswer(
  endpoint: string,
  messages: readonly Message[],
  signal: AbortSignal,
  { model, ...access }: Access = {},
): AsyncGenerator<AnswerEvent> {
  const body = { model, messages, stream: true }
  for await (const { events } of openAnswer({ endpoint, ...access }, body, signal)) yield* events
}

/** The answer to a body of POST /v1/chat/completions. Throws AnswerError, and the signal's reason when it aborts. */
export async function* openAnswer(
  server: Server,
  body: object,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): AsyncGenerator<AnswerChunk> {
  const response = await request(server, '/v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal,
  })
  yield* readChunks(response, signal)
}

/** The rest of an answer. Throws as `openAnswer` does; with status 404 or 410 the server does not have it any more. */
export async function* resumeAnswer(server: Server, place: Place, signal: AbortSignal): AsyncGenerator<AnswerChunk> {
  const headers = place.lastEventId === undefined ? undefined : { 'Last-Event-ID': place.lastEventId }
  yield* readChunks(await request(server, pathOf(place, 'events'), { headers, signal }), signal)
}

/** Ends an answer that is under way. Throws AnswerError. */
export async function cancelAnswer(server: Server, place: Place): Promise<void> {
  await request(server, pathOf(place, 'cancel'), { method: 'POST', keepalive: true })
}

/** Ends the thinking of an answer; whether the answer itself comes now. Throws AnswerError. */
export async function answerNow(server: Server, place: Place): Promise<boolean> {
  const response = await request(server, pathOf(place, 'answer'), { method: 'POST' })
  return ((await response.json()) as { answering: boolean }).answering
}

function pathOf({ id }: Place, action: 'events' | 'cancel' | 'answer'): string {
  return `/v1/chat/completions/${encodeURIComponent(id)}/${action}`
}

async function request({ endpoint, key }: Server, path: string, init: RequestInit): Promise<Response> {
  const send = async () => {
    const token = typeof key === 'function' ? await tokenOf(key) : key
    const headers = { ...init.headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) }
    return fetch(`${endpoint.replace(/\/$/, '')}${path}`, { ...init, headers })
  }
  try {
    const response = await send()
    if (response.ok) return response
    const error = await refusal(response)
    const isOver = error.status === 401 || error.code === 'widget_token_spent'
    if (!isOver || typeof key !== 'function') throw error
    // The next token may be right.
    const again = await send()
    if (again.ok) return again
    throw await refusal(again)
  } catch (cause) {
    init.signal?.throwIfAborted()
    if (cause instanceof AnswerError) throw cause
    throw new AnswerError('unreachable', 'The server cannot be reached. Check the connection.', { cause })
  }
}

async function refusal(response: Response): Promise<AnswerError> {
  const { error } = (await response.json().catch(() => ({}))) as ApiErrorBody
  const { status } = response
  const retryAfterMs = delayOf(response.headers.get('Retry-After'))
  const message = error?.message ?? `The server answered with status ${status}.`
  const byServer = error?.message !== undefined
  return new AnswerError(error?.code ?? 'server_error', message, { status, retryAfterMs, byServer })
}

async function tokenOf(provider: TokenProvider): Promise<string> {
  try {
    return await provider()
  } catch (cause) {
    throw new AnswerError('no_token', 'The page has no access to the server. Sign in, or load it again.', { cause })
  }
}

/** Of Retry-After: seconds, or a date. */
function delayOf(retryAfter: string | null): number | undefined {
  if (!retryAfter) return undefined
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

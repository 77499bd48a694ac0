import { Hono } from 'hono'
import type { ChatModel } from '../chat/chat-model.ts'
import type { ChatService } from '../chat/chat-service.ts'
import { complete } from '../chat/complete.ts'
import type { ChatEvent } from '../chat/events.ts'
import { ROUTE_HEADER, routeWish } from '../origin/route-wish.ts'
import { CompletionObjects } from './completion-objects.ts'
import { type ApiError, clientGone } from './errors.ts'
import { jsonBody } from './json-body.ts'
import { checkModelName, type LoadModel } from './models.ts'
import type { Recording } from './recording.ts'
import type { Recordings } from './recordings.ts'
import { chatRequest, completionBody } from './schemas.ts'
import { sendSlowJson } from './slow-json.ts'
import { sendEvents } from './sse.ts'
import { clientOf } from './visitor.ts'

/** With '1' a stream goes on for a while after its client went away, which may come back for the rest. */
export const RESUMABLE_HEADER = 'x-nanbeige-resumable'

/** Rejects with an ApiError of status 503. */
export type LoadService = (chat: ChatModel) => Promise<ChatService>

/** POST /chat/completions */
export function completions(loadModel: LoadModel, loadService: LoadService, recordings: Recordings) {
  return new Hono().post('/chat/completions', async (c) => {
    const { body, source } = await jsonBody(c, completionBody)
    const chat = await loadModel()
    const { model, wish } = routeWish(body.model ?? chat.id, c.req.header(ROUTE_HEADER) ?? null)
    checkModelName(chat, model)
    const service = await loadService(chat)

    const objects = new CompletionObjects(chat.id)
    const abort = new AbortController()
    const stop = (reason: ApiError) => abort.abort(reason)
    const hangUp = () => stop(clientGone())
    const { signal } = c.req.raw
    signal.addEventListener('abort', hangUp)
    if (signal.aborted) hangUp()
    let recording: Recording | undefined
    const visitor = { client: clientOf(c), listening: () => recording?.isRead ?? true }
    const log: ChatService['log'] = (entry) => service.log({ ...entry, completion: objects.id })
    const request = { ...chatRequest(body, source), wish, visitor }
    const events = complete(chat, request, abort.signal, { ...service, log })
    // Errors in the request, and a full queue, come before the response begins.
    const { route } = (await events.next()).value as Extract<ChatEvent, { type: 'start' }>
    c.header(ROUTE_HEADER, `${route.route}; reason=${route.reason}`)
    if (!body.stream) return sendSlowJson(c, (beat) => objects.completion(events, beat), hangUp)

    signal.removeEventListener('abort', hangUp)
    const chunks = objects.chunks(events, body.stream_options?.include_usage ?? false)
    const resumable = c.req.header(RESUMABLE_HEADER) === '1'
    try {
      recording = recordings.start(objects.id, chunks, stop, { client: visitor.client, resumable })
    } catch (error) {
      await events.return(undefined)
      throw error
    }
    return sendEvents(c, recording, 0)
  })
}

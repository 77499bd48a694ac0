import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import { complete } from '../chat/complete.ts'
import type { ChatEvent } from '../chat/events.ts'
import type { GenerationQueue } from '../generate/queue.ts'
import { CompletionObjects } from './completion-objects.ts'
import { clientGone, errorResponse, invalidBody } from './errors.ts'
import { requireJson } from './json-body.ts'
import { checkModelName, type LoadModel } from './models.ts'
import { chatRequest, completionBody } from './schemas.ts'
import { sendSlowJson } from './slow-json.ts'
import { sendEvents } from './sse.ts'

const validBody = zValidator('json', completionBody, (result, c) => {
  if (!result.success) return errorResponse(c, invalidBody(result.error.issues))
})

/** POST /chat/completions */
export function completions(loadModel: LoadModel, queue: GenerationQueue) {
  return new Hono().post('/chat/completions', requireJson, validBody, async (c) => {
    const body = c.req.valid('json')
    const chat = await loadModel()
    if (body.model != null) checkModelName(chat, body.model)

    const abort = new AbortController()
    const hangUp = () => abort.abort(clientGone())
    const client = c.req.raw.signal
    client.addEventListener('abort', hangUp)
    if (client.aborted) hangUp()
    const events = await startInTurn(complete(chat, chatRequest(body), abort.signal), queue, abort.signal)
    const objects = new CompletionObjects(chat.id)
    if (!body.stream) return sendSlowJson(c, (beat) => objects.completion(withBeats(events, beat)), hangUp)
    return sendEvents(c, objects.chunks(events, body.stream_options?.include_usage ?? false), hangUp)
  })
}

/**
 * Waits for the turn of a valid request: errors in the request come at once, a full queue before the response begins.
 * The turn ends with the events.
 */
async function startInTurn(events: AsyncGenerator<ChatEvent>, queue: GenerationQueue, signal: AbortSignal) {
  const start = await events.next()
  const release = await queue.acquire(signal).catch(async (error) => {
    await events.return(undefined)
    throw error
  })
  return (async function* () {
    try {
      yield start.value as ChatEvent
      yield* events
    } finally {
      release()
    }
  })()
}

async function* withBeats(events: AsyncIterable<ChatEvent>, beat: () => void): AsyncGenerator<ChatEvent> {
  for await (const event of events) {
    if (event.type !== 'start' && event.type !== 'finish') beat()
    yield event
  }
}

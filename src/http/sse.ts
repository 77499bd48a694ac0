import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { toApiError } from './errors.ts'

/**
 * Sends objects as server-sent events in OpenAI's manner: one JSON text each, then [DONE]. An error is the last event,
 * without [DONE]. `hangUp` is called when the client goes away.
 */
export function sendEvents(c: Context, objects: AsyncIterable<unknown>, hangUp: () => void): Response {
  return streamSSE(c, async (stream) => {
    stream.onAbort(hangUp)
    // Not awaited one by one: a client that reads slowly must not keep the model from the ones who wait.
    let sent = Promise.resolve()
    const send = (data: string) => {
      sent = sent.then(() => stream.writeSSE({ data }))
    }
    try {
      for await (const object of objects) send(JSON.stringify(object))
      send('[DONE]')
    } catch (error) {
      send(JSON.stringify(toApiError(error).body))
    }
    await sent
  })
}

import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { cancelledWithClient } from './client-pipe.ts'
import { toApiError } from './errors.ts'
import type { Recording } from './recording.ts'

/** Between the comments that a stream carries from its start to its end, in ms. */
export const HEARTBEAT_MS = 1000

/**
 * Sends the events of a completion from a position on, while they come, as server-sent events in OpenAI's manner. Reading ends
 * with the recording, or when the client goes away.
 */
export function sendEvents(c: Context, recording: Recording, position: number): Response {
  // A client that reads slowly keeps nobody waiting: the recording goes on without it.
  const leave = recording.join()
  const client = c.req.raw.signal
  client.addEventListener('abort', leave)
  if (client.aborted) leave()
  const response = streamSSE(c, async (stream) => {
    stream.onAbort(leave)
    // While a long prompt is read there is nothing to say: a comment keeps proxies from giving up, and only by writing does
    // workerd learn that the client hung up.
    const heartbeat = setInterval(() => stream.write(': \n\n'), HEARTBEAT_MS)
    try {
      for await (const event of recording.events(position)) {
        if (stream.aborted) break
        await stream.writeSSE(event)
      }
    } catch (error) {
      await stream.writeSSE({ data: JSON.stringify(toApiError(error).body) })
    } finally {
      clearInterval(heartbeat)
      client.removeEventListener('abort', leave)
      leave()
    }
  })
  return cancelledWithClient(response)
}

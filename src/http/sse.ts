import type { Context } from 'hono'
import { ClientPipe } from './client-pipe.ts'
import { ApiError } from './errors.ts'
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
  const pipe = new ClientPipe(leave)
  // While a long prompt is read there is nothing to say: a comment keeps proxies from giving up, and only by writing does
  // workerd learn that the client hung up.
  const heartbeat = setInterval(() => pipe.write(': \n\n').catch(() => {}), HEARTBEAT_MS)
  sendAll(pipe, recording, position)
    .catch((error) => pipe.abort(error))
    // The client is gone.
    .catch(() => {})
    .finally(() => {
      clearInterval(heartbeat)
      client.removeEventListener('abort', leave)
      leave()
    })
  return c.body(pipe.body, 200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
}

async function sendAll(pipe: ClientPipe, recording: Recording, position: number): Promise<void> {
  try {
    // JSON has no line breaks, so that data is always one line.
    for await (const { data, id } of recording.events(position)) await pipe.write(`data: ${data}\nid: ${id}\n\n`)
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    await pipe.write(`data: ${JSON.stringify(error.body)}\n\n`)
  }
  await pipe.close()
}

import type { Context } from 'hono'
import { ClientPipe } from './client-pipe.ts'
import { ApiError } from './errors.ts'
import type { RecordedEvent, Recording, StreamEvent } from './recording.ts'

/** Between the signs of life of a response, in ms: a hang-up is noticed with the next but one. */
export const HEARTBEAT_MS = 500

/**
 * A comment, and no blank line behind it: to decoders that keep the last `id:` a blank line ends one more event, of empty data
 * (openai-python 3.57, httpx-sse, @microsoft/fetch-event-source).
 */
export const COMMENT = ': \n'

/**
 * Sends the events of a completion from a position on, while they come, as server-sent events. Reading ends
 * with the recording, or when the client goes away.
 */
export function sendEvents(c: Context, recording: Recording, position: number): Response {
  // A client that reads slowly keeps nobody waiting: the recording goes on without it.
  const leave = recording.join()
  const client = c.req.raw.signal
  client.addEventListener('abort', leave)
  if (client.aborted) leave()
  const pipe = new ClientPipe(leave)
  // While an answer waits, or a long prompt is read, there is nothing to say: a sign of life keeps proxies from giving up, and only by
  // writing does workerd (1.20261117) learn that the client hung up.
  const beat = (text: string) => pipe.write(text).catch(() => {})
  // An event would come before the first one that says something, which clients take for a fault.
  beat(COMMENT)
  const { idle } = recording
  const sign = idle ? eventText(idle) : COMMENT
  const heartbeat = setInterval(() => beat(sign), HEARTBEAT_MS)
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
    for await (const event of recording.events(position)) await pipe.write(eventText(event))
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    await pipe.write(eventText(recording.failure(error)))
  }
  await pipe.close()
}

/** JSON has no line breaks, so that data is always one line. */
function eventText({ name, data, id }: StreamEvent & Partial<RecordedEvent>): string {
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${data}\n${id === undefined ? '' : `id: ${id}\n`}\n`
}

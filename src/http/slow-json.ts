import type { Context } from 'hono'
import { ClientPipe } from './client-pipe.ts'
import { type ApiError, toApiError } from './errors.ts'
import { HEARTBEAT_MS } from './sse.ts'

/** How long the status waits for the answer, in ms: what fails until then is told with a status of its own. */
export const HOLD_MS = 1000

/**
 * Sends one JSON object that may take long to make. From HOLD_MS on a space before it at each `beat`, and every half a second, keeps
 * proxies from giving up (JSON may begin with white space: RFC 8259, section 2), and tells of a client that went away: workerd neither
 * fires request.signal nor cancels anything while a response has yet to begin (tried with 1.20261117).
 *
 * What fails before is thrown. After it the status is out: the body is then the error's JSON, and the connection breaks off behind it, so
 * that no client takes it for an answer; SDKs raise a connection error, and try again as they do for a status of 500 and above, which is
 * all that can fail so late. `hangUp` is called when the client goes away.
 */
export async function sendSlowJson(
  c: Context,
  make: (beat: () => void) => Promise<object>,
  hangUp: () => void,
  errorObject: (error: ApiError) => object,
): Promise<Response> {
  let beat = () => {}
  const object = make(() => beat())
  const early = await Promise.race([object, held()])
  if (early) return c.json(early)

  const pipe = new ClientPipe(hangUp)
  const send = (text: string) => pipe.write(text).catch(() => {})
  beat = () => send(' ')
  beat()
  const heartbeat = setInterval(beat, HEARTBEAT_MS)
  object
    .finally(() => clearInterval(heartbeat))
    .then(
      (value) => pipe.end(JSON.stringify(value)),
      async (error: unknown) => {
        await send(JSON.stringify(errorObject(toApiError(error))))
        await pipe.abort(error)
      },
    )
    // The client is gone.
    .catch(() => {})
  // Compressed on the way, the spaces would be held back.
  return c.body(pipe.body, 200, { 'Content-Type': 'application/json', 'Content-Encoding': 'identity' })
}

function held(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, HOLD_MS, undefined))
}

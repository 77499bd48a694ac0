import type { Context } from 'hono'
import { ClientPipe } from './client-pipe.ts'
import { toApiError } from './errors.ts'

/**
 * Sends one JSON object that takes long to make, with a space before it at each `beat`. A Worker learns of a client that went away
 * only by writing to it: workerd neither fires request.signal nor cancels anything while a response has yet to begin (tried
 * with 1.20260426). JSON may begin with white space (RFC 8259, section 2), and proxies see that the connection lives.
 *
 * What fails before the first beat is thrown, to be answered with its own status. After it the status is out: the body is then the
 * error's JSON, and is broken off behind it, so that nobody takes it for an answer. `hangUp` is called when the client goes away.
 */
export async function sendSlowJson(
  c: Context,
  make: (beat: () => void) => Promise<unknown>,
  hangUp: () => void,
): Promise<Response> {
  const { promise: firstBeat, resolve: beginAnswer } = Promise.withResolvers<void>()
  let begun = false
  const pipe = new ClientPipe(hangUp)
  const send = (text: string) => pipe.write(text).catch(() => {})
  const object = make(() => {
    begun = true
    beginAnswer()
    send(' ')
  })
  const sent = object.then(
    (value) => pipe.end(JSON.stringify(value)),
    async (error: unknown) => {
      if (!begun) return
      await send(JSON.stringify(toApiError(error).body))
      await pipe.abort(error)
    },
  )
  // The client is gone.
  sent.catch(() => {})
  await Promise.race([firstBeat, object])
  // Compressed on the way, the spaces would be held back.
  return c.body(pipe.body, 200, { 'Content-Type': 'application/json', 'Content-Encoding': 'identity' })
}

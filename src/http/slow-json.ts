import type { Context } from 'hono'
import { cancelledWithClient } from './client-pipe.ts'
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
  const encoder = new TextEncoder()
  const { promise: firstBeat, resolve: beginAnswer } = Promise.withResolvers<void>()
  let begun = false
  let object: Promise<unknown> | undefined
  let gone = false
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      object = make(() => {
        begun = true
        beginAnswer()
        if (!gone) controller.enqueue(encoder.encode(' '))
      })
      const send = (value: unknown) => {
        controller.enqueue(encoder.encode(JSON.stringify(value)))
        controller.close()
      }
      object.then(send).catch((error: unknown) => {
        if (gone || !begun) return
        const { body } = toApiError(error)
        controller.enqueue(encoder.encode(JSON.stringify(body)))
        controller.error(error)
      })
    },
    cancel() {
      gone = true
      hangUp()
    },
  })
  await Promise.race([firstBeat, object])
  // Compressed on the way, the spaces would be held back.
  return cancelledWithClient(c.body(body, 200, { 'Content-Type': 'application/json', 'Content-Encoding': 'identity' }))
}

import { ApiError } from './errors.ts'

/** About four bytes for each of a million tokens; the longest context is a quarter of that. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024
/** Without a byte for so long, or longer than this in all, a body is given up, in ms. */
const IDLE_MS = 10_000
const TOTAL_MS = 60_000

/** The text of a request's body. Throws an ApiError of status 408, 413 or 400. */
export async function readBody(request: Request): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  try {
    for await (const bytes of bodyChunks(request)) text += decoder.decode(bytes, { stream: true })
    return text + decoder.decode()
  } catch (error) {
    if (error instanceof TypeError) throw new ApiError(400, 'invalid_utf8', 'The body is not UTF-8 text.')
    throw error
  }
}

/**
 * Reads what nobody has read of a body, as far as one may be long: workerd (1.20261117) closes the connection of a request that was answered
 * before, under the next request of a client that keeps it open.
 */
export async function drainBody(request: Request): Promise<void> {
  if (!request.body || request.bodyUsed) return
  try {
    for await (const _ of bodyChunks(request)) {
      // Nobody wants it.
    }
  } catch {
    // It is too long, or never ends: then the connection closes.
  }
}

/** The bytes of a body, bounded in size and time. Breaking off cancels it. */
async function* bodyChunks({ body, headers }: Request): AsyncGenerator<Uint8Array> {
  if (Number(headers.get('Content-Length') ?? 0) > MAX_BODY_BYTES) {
    await body?.cancel()
    throw tooLarge()
  }
  if (!body) return
  const reader = body.getReader()
  const end = Date.now() + TOTAL_MS
  let bytes = 0
  let ended = false
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), Math.min(IDLE_MS, end - Date.now()))
      ended = done
      if (done) return
      bytes += value.length
      if (bytes > MAX_BODY_BYTES) throw tooLarge()
      yield value
    }
  } finally {
    if (!ended) reader.cancel().catch(() => {})
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(tooSlow()), Math.max(ms, 0))
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

function tooLarge(): ApiError {
  return new ApiError(413, 'body_too_large', `The body is larger than ${MAX_BODY_BYTES} bytes. Shorten the messages.`)
}

function tooSlow(): ApiError {
  return new ApiError(
    408,
    'body_too_slow',
    `The body has not come within ${TOTAL_MS / 1000} seconds, or stood still for ${IDLE_MS / 1000}. Send it again.`,
  )
}

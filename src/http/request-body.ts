import { ApiError } from './errors.ts'

/** About four bytes for each of a million tokens; the longest context is a quarter of that. */
const MAX_BODY_BYTES = 4 * 1024 * 1024
/** Without a byte for so long, or longer than this in all, a body is given up, in ms. */
const IDLE_MS = 10_000
const TOTAL_MS = 60_000
/** Of a body that is refused unread: so much of it is read all the same, for so long. */
const DRAINED_BYTES = 4 * MAX_BODY_BYTES
const DRAINED_MS = 5000

/** The text of a request's body. Throws an ApiError of status 408, 413 or 400. */
export async function readBody({ body, headers }: Request): Promise<string> {
  if (Number(headers.get('Content-Length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  if (!body) return ''
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  try {
    const bounds = { bytes: MAX_BODY_BYTES, idleMs: IDLE_MS, totalMs: TOTAL_MS }
    for await (const bytes of chunksOf(body, bounds)) text += decoder.decode(bytes, { stream: true })
    return text + decoder.decode()
  } catch (error) {
    if (error instanceof ApiError) throw error
    if (error instanceof TypeError) throw new ApiError(400, 'invalid_utf8', 'The body is not UTF-8 text.')
    // The connection broke, or what came through it is no HTTP: the client's fault, and none to log.
    throw new ApiError(400, 'body_broken', 'The body broke off, or its chunks are malformed. Send it again.', {
      cause: error,
    })
  }
}

/**
 * Reads what nobody has read of a body: workerd (1.20261117) closes the connection of a request that was answered before, and a client that
 * still sends never sees the answer. What goes on for longer than that is left.
 */
export async function drainBody({ body }: Request): Promise<void> {
  if (!body || body.locked) return
  try {
    for await (const _ of chunksOf(body, { bytes: DRAINED_BYTES, idleMs: DRAINED_MS, totalMs: DRAINED_MS })) {
      // Nobody wants it.
    }
  } catch {
    // It is too long, never ends, or was given up before.
  }
}

interface Bounds {
  readonly bytes: number
  readonly idleMs: number
  readonly totalMs: number
}

/** The bytes of a body. Throws an ApiError of status 413, whose rest can still be read, or of 408. */
async function* chunksOf(body: ReadableStream<Uint8Array>, bounds: Bounds): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  const end = Date.now() + bounds.totalMs
  let bytes = 0
  let reading = true
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), Math.min(bounds.idleMs, end - Date.now()))
      if (done) return
      bytes += value.length
      reading = false
      if (bytes > bounds.bytes) throw tooLarge()
      yield value
      reading = true
    }
  } finally {
    if (reading) reader.cancel().catch(() => {})
    reader.releaseLock()
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

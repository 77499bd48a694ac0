import { Abortable } from './abortable.ts'

/** A body that stopped before its end because of its size. */
export class BodyTooLongError extends Error {}

/**
 * The text of a body as it comes, piece by piece. A compressed body is counted as it is unpacked: after `limit` bytes nothing more
 * is read, and a BodyTooLongError is thrown. Throws the signal's reason when it aborts. Closing it closes the body.
 */
export async function* textOf(
  body: ReadableStream<Uint8Array> | null,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  if (!body) return
  const reader = body.getReader()
  const reads = new Abortable(signal)
  const decoder = new TextDecoder()
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await reads.wait(reader.read())
      bytes += value?.length ?? 0
      if (bytes > limit) throw new BodyTooLongError()
      yield decoder.decode(value, { stream: !done })
      if (done) return
    }
  } finally {
    cancel(reader)
  }
}

/** How long the end of a response may take after its answer, in ms, and how much may come. */
const REST_MS = 250
const REST_BYTES = 64 * 1024

/** What follows an answer is read too: a connection whose response has ended serves the next request. */
export async function readToEnd(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const tooLong = setTimeout(() => cancel(reader), REST_MS)
  try {
    for (let left = REST_BYTES; left > 0; ) {
      const { done, value } = await reader.read()
      if (done) return
      left -= value?.length ?? 0
    }
    cancel(reader)
  } catch {
    // It is nobody's answer any more.
  } finally {
    clearTimeout(tooLong)
  }
}

/** A broken stream cannot be cancelled, and need not be. */
export function cancel(reader: ReadableStreamDefaultReader<Uint8Array>): void {
  reader.cancel().catch(() => {})
}

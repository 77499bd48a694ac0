/** Bytes of a body as they come. */
export interface ByteReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>
  cancel(): Promise<void>
}

interface AtLeastReader extends ReadableStreamBYOBReader {
  readAtLeast(bytes: number, view: Uint8Array<ArrayBuffer>): Promise<{ done: boolean; value?: Uint8Array<ArrayBuffer> }>
}

/** Shorter than an event with a token: `data: {"choices":[{"text":"a"}]}` and the blank line behind it are 33. */
const LEAST_BYTES = 29
const BUFFER_BYTES = 16 * 1024

/**
 * workerd (1.20260426) reads up to 28 bytes of an HTTP chunk together with its length and hands them out alone, so that every token comes
 * in two reads. Each takes it longer than all else that the token needs (0.2 ms a token): asked for more, it reads on by itself.
 */
export function byteReader(body: ReadableStream<Uint8Array>): ByteReader {
  if (!('readAtLeast' in ReadableStreamBYOBReader.prototype)) return body.getReader()
  const reader = body.getReader({ mode: 'byob' }) as AtLeastReader
  let buffer = new ArrayBuffer(BUFFER_BYTES)
  return {
    /** The bytes are there until the next read. */
    async read() {
      const { done, value } = await reader.readAtLeast(LEAST_BYTES, new Uint8Array(buffer))
      // Reading has detached the buffer that it was given.
      if (value) buffer = value.buffer
      return { done, value }
    },
    cancel: () => reader.cancel(),
  }
}

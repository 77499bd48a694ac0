/** workerd's own pipe; Node has no such thing. */
const { IdentityTransformStream = TransformStream } = globalThis as unknown as {
  IdentityTransformStream?: new () => TransformStream<Uint8Array, Uint8Array>
}

const encoder = new TextEncoder()

/**
 * The way of a response's text to the client. `gone` is called when the client has hung up, and may be called again.
 *
 * workerd drops a stream made by JavaScript without cancelling it when the hang-up is noticed while a chunk is on its way out
 * (1.20260426: 7 of 90 streams ran on; https://github.com/cloudflare/workerd/pull/6833 is about the like). A write into workerd's
 * own pipe fails then (0 of 60); and nothing is between the two that would take time for every chunk.
 */
export class ClientPipe {
  readonly body: ReadableStream<Uint8Array>
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>
  readonly #gone: () => void

  constructor(gone: () => void) {
    const { readable, writable } = new IdentityTransformStream()
    this.body = readable
    this.#writer = writable.getWriter()
    this.#gone = gone
    this.#writer.closed.catch(gone)
  }

  /** Resolves when the client's side has taken it; rejects when the client is gone. */
  async write(text: string): Promise<void> {
    try {
      await this.#writer.write(encoder.encode(text))
    } catch (error) {
      this.#gone()
      throw error
    }
  }

  close(): Promise<void> {
    return this.#writer.close()
  }

  /** The last text and the end, which wait for each other in workerd, not here. */
  end(text: string): Promise<void> {
    this.write(text).catch(() => {})
    return this.close()
  }

  /** Ends the body in a way that the client takes for a broken connection. */
  abort(reason: unknown): Promise<void> {
    return this.#writer.abort(reason)
  }
}

const encoder = new TextEncoder()

/** The way of a response's text to the client. `gone` is called when the client has hung up, and may be called again. */
export class ClientPipe {
  readonly body: ReadableStream<Uint8Array>
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>
  readonly #gone: () => void

  constructor(gone: () => void) {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
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

  /** The last text and the end: the client's side takes both in turn, and nobody waits for it in between. */
  end(text: string): Promise<void> {
    this.write(text).catch(() => {})
    return this.close()
  }

  /** Ends the body in a way that the client takes for a broken connection. */
  abort(reason: unknown): Promise<void> {
    return this.#writer.abort(reason)
  }
}

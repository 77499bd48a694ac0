import { createParser } from 'eventsource-parser'

export interface StreamEvent {
  /** Of `event:`; servers of completions give their chunks none. */
  readonly name: string | undefined
  readonly data: string
}

/** The events of an origin's stream. */
export class EventStream {
  readonly #decoder = new TextDecoder()
  #events: StreamEvent[] = []
  #isBroken = false
  readonly #parser = createParser({
    onEvent: ({ event, data }) => this.#events.push({ name: event === 'message' ? undefined : event, data }),
    onError: ({ type, field, value = '' }) => {
      // Versions of llama-server until 2025 report a failure in a field of its own.
      if (field === 'error') this.#events.push({ name: 'error', data: value })
      // By the standard such a field is skipped. Of an origin it is a broken event: skipped, its tokens would be lost.
      else if (type === 'unknown-field') this.#isBroken = true
    },
  })

  /** What came is no event stream, after the events that were. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /** The events that these bytes complete. */
  feed(bytes: Uint8Array): StreamEvent[] {
    return this.#parse(this.#decoder.decode(bytes, { stream: true }))
  }

  /** The last event, where the blank line behind it is missing. */
  end(): StreamEvent[] {
    return this.#parse(`${this.#decoder.decode()}\n\n`)
  }

  #parse(text: string): StreamEvent[] {
    this.#parser.feed(text)
    const events = this.#events
    if (events.length > 0) this.#events = []
    return events
  }
}

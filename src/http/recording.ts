import { ApiError, clientGone, toApiError } from './errors.ts'

/** How long a resumable completion goes on without its client, and is kept after its end, in ms. */
export const KEPT_MS = 60_000

/** How an endpoint's stream puts its objects into events. */
export interface Dialect {
  /** Each event is called by the `type` of its object; left out: events have no names. */
  readonly named?: boolean
  /** Its objects are numbered by themselves; left out: events have ids. */
  readonly numbered?: boolean
  /** The data of one more event that ends a whole stream. */
  readonly last?: string
  /** The object of an event that ends a stream which failed. */
  readonly error: (error: ApiError) => object
  /** The object of an event that says only that the stream lives; left out: a comment does. */
  readonly idle?: object
}

export interface StreamEvent {
  readonly name: string | undefined
  readonly data: string
}

export interface RecordedEvent extends StreamEvent {
  /** `<completion id>:<position>`, the Last-Event-ID of a client that has read this far; undefined where events have none. */
  readonly id: string | undefined
}

/** What can be done to a completion from outside. */
export interface Controls {
  /** Has to end its objects. */
  cancel(reason: ApiError): void
  /** Ends its thinking; false: it does not think any more. */
  answerNow(): boolean
}

interface RecordingSettings {
  readonly resumable: boolean
  readonly background?: boolean
  readonly maxCharacters: () => number
  readonly dialect: Dialect
}

/** The events of one streamed completion, for its client and for one that comes back. */
export class Recording {
  readonly id: string
  readonly #controls: Controls
  readonly #resumable: boolean
  readonly #background: boolean
  readonly #maxCharacters: () => number
  readonly #dialect: Dialect
  readonly #events: StreamEvent[] = []
  #characters = 0
  /** Events at the start that are not kept any more. */
  #dropped = 0
  #ended = false
  #readers = 0
  #waiting: ReturnType<typeof setTimeout> | undefined
  #change = Promise.withResolvers<void>()

  /**
   * @param resumable it goes on for KEPT_MS without a reader, instead of not at all.
   * @param background … to its end. @param maxCharacters that may be kept now.
   */
  constructor(
    id: string,
    controls: Controls,
    { resumable, background = false, maxCharacters, dialect }: RecordingSettings,
  ) {
    this.id = id
    this.#controls = controls
    this.#resumable = resumable
    this.#background = background
    this.#maxCharacters = maxCharacters
    this.#dialect = dialect
  }

  get ended(): boolean {
    return this.#ended
  }

  /** What says only that the stream lives; undefined: a comment does. */
  get idle(): StreamEvent | undefined {
    const { idle } = this.#dialect
    return idle && this.#eventOf(idle)
  }

  /** What ends the stream of one reader who cannot have the rest. */
  failure(error: ApiError): StreamEvent {
    return this.#eventOf(this.#dialect.error(error))
  }

  /** Somebody reads along. */
  get isRead(): boolean {
    return this.#readers > 0
  }

  /** Records objects, one JSON text each. An error is the last event, without the one that ends a whole stream. */
  async record(objects: AsyncIterable<unknown>): Promise<void> {
    const { last, error } = this.#dialect
    try {
      for await (const object of objects) this.#add(this.#eventOf(object))
      if (last !== undefined) this.#add({ name: undefined, data: last })
    } catch (failure) {
      this.#add(this.#eventOf(error(toApiError(failure))))
    }
    this.#ended = true
    clearTimeout(this.#waiting)
    this.#notify()
  }

  /** One more reads, until the returned function is called; the last one that leaves stops the completion. */
  join(): () => void {
    this.#readers++
    clearTimeout(this.#waiting)
    let left = false
    return () => {
      if (left) return
      left = true
      if (--this.#readers > 0 || this.#ended || this.#background) return
      if (this.#resumable) this.#waiting = setTimeout(() => this.#controls.cancel(clientGone()), KEPT_MS)
      else this.#controls.cancel(clientGone())
    }
  }

  /** Stops the completion; whether it was still going on. */
  cancel(reason: ApiError): boolean {
    if (this.#ended) return false
    this.#controls.cancel(reason)
    return true
  }

  /** Ends the thinking of the completion; whether it had to. */
  answerNow(): boolean {
    return !this.#ended && this.#controls.answerNow()
  }

  /** The events from a position on, until the completion ends. Throws an ApiError of status 410 where they are not kept any more. */
  async *events(position: number): AsyncGenerator<RecordedEvent> {
    for (let next = position; ; ) {
      this.check(next)
      if (next < this.#dropped + this.#events.length) {
        const id = this.#dialect.numbered ? undefined : `${this.id}:${next}`
        yield { id, ...this.#events[next - this.#dropped] }
        next++
      } else if (this.#ended) {
        return
      } else {
        await this.#change.promise
      }
    }
  }

  /** Throws an ApiError where the events from this position on cannot be read. */
  check(position: number): void {
    if (position < this.#dropped) {
      throw new ApiError(
        410,
        'events_gone',
        `Events of ${this.id} are not kept from its start any more. Send the request again.`,
      )
    }
    if (position > this.#dropped + this.#events.length) {
      throw new ApiError(400, 'invalid_event_id', `${this.id} has no event ${position - 1} yet.`)
    }
  }

  /** Forgets the first events where too much is kept; the last one stays for those who read along. */
  trim(): void {
    const max = this.#maxCharacters()
    while (this.#characters > max && this.#events.length > 1) {
      this.#characters -= this.#events.shift()!.data.length
      this.#dropped++
    }
  }

  #eventOf(object: unknown): StreamEvent {
    const name = this.#dialect.named ? (object as { type: string }).type : undefined
    return { name, data: JSON.stringify(object) }
  }

  #add(event: StreamEvent): void {
    this.#events.push(event)
    this.#characters += event.data.length
    this.trim()
    this.#notify()
  }

  #notify(): void {
    const { resolve } = this.#change
    this.#change = Promise.withResolvers<void>()
    resolve()
  }
}

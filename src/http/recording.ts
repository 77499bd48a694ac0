import { ApiError, clientGone, toApiError } from './errors.ts'

/** How long a resumable completion goes on without its client, and is kept after its end, in ms. */
export const KEPT_MS = 60_000

export interface RecordedEvent {
  /** `<completion id>:<position>`, the Last-Event-ID of a client that has read this far. */
  readonly id: string
  readonly data: string
}

/** The events of one streamed completion, for its client and for one that comes back. */
export class Recording {
  readonly id: string
  readonly #cancel: (reason: ApiError) => void
  readonly #resumable: boolean
  readonly #maxCharacters: () => number
  readonly #data: string[] = []
  #characters = 0
  /** Events at the start that are not kept any more. */
  #dropped = 0
  #ended = false
  #readers = 0
  #waiting: ReturnType<typeof setTimeout> | undefined
  #change = Promise.withResolvers<void>()

  /**
   * @param cancel stops the completion. @param resumable it goes on for KEPT_MS without a reader, instead of not at all.
   * @param maxCharacters that may be kept now.
   */
  constructor(
    id: string,
    cancel: (reason: ApiError) => void,
    { resumable, maxCharacters }: { resumable: boolean; maxCharacters: () => number },
  ) {
    this.id = id
    this.#cancel = cancel
    this.#resumable = resumable
    this.#maxCharacters = maxCharacters
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Somebody reads along. */
  get isRead(): boolean {
    return this.#readers > 0
  }

  /** Records objects as OpenAI streams them: one JSON text each, then [DONE]. An error is the last event, without [DONE]. */
  async record(objects: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const object of objects) this.#add(JSON.stringify(object))
      this.#add('[DONE]')
    } catch (error) {
      this.#add(JSON.stringify(toApiError(error).body))
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
      if (--this.#readers > 0 || this.#ended) return
      if (this.#resumable) this.#waiting = setTimeout(() => this.#cancel(clientGone()), KEPT_MS)
      else this.#cancel(clientGone())
    }
  }

  /** Stops the completion; whether it was still going on. */
  cancel(reason: ApiError): boolean {
    if (this.#ended) return false
    this.#cancel(reason)
    return true
  }

  /** The events from a position on, until the completion ends. Throws an ApiError of status 410 where they are not kept any more. */
  async *events(position: number): AsyncGenerator<RecordedEvent> {
    for (let next = position; ; ) {
      this.check(next)
      if (next < this.#dropped + this.#data.length) {
        yield { id: `${this.id}:${next}`, data: this.#data[next - this.#dropped] }
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
    if (position > this.#dropped + this.#data.length) {
      throw new ApiError(400, 'invalid_event_id', `${this.id} has no event ${position - 1} yet.`)
    }
  }

  /** Forgets the first events where too much is kept; the last one stays for those who read along. */
  trim(): void {
    const max = this.#maxCharacters()
    while (this.#characters > max && this.#data.length > 1) {
      this.#characters -= this.#data.shift()!.length
      this.#dropped++
    }
  }

  #add(data: string): void {
    this.#data.push(data)
    this.#characters += data.length
    this.trim()
    this.#notify()
  }

  #notify(): void {
    const { resolve } = this.#change
    this.#change = Promise.withResolvers<void>()
    resolve()
  }
}

/** Callers that may wait at once where one is served at a time; the next one is refused. */
export const MAX_WAITING = 16

/** Seconds after which a refused client is asked to come back. */
const RETRY_AFTER_SECONDS = 10

export class QueueFullError extends Error {
  readonly code = 'queue_full'
  readonly retryAfterSeconds = RETRY_AFTER_SECONDS

  constructor(waiting: number) {
    const others = waiting > 0 ? ` and ${waiting} requests are waiting already` : ''
    super(`The model is busy${others}. Try again in ${RETRY_AFTER_SECONDS} seconds.`)
    this.name = 'QueueFullError'
  }
}

/** Lets as many generations compute at a time as there are places; the others wait in order of arrival. */
export class GenerationQueue {
  readonly #maxWaiting: number
  #places: number
  readonly #waiting: (() => void)[] = []

  constructor(places = 1, maxWaiting = MAX_WAITING) {
    this.#places = places
    this.#maxWaiting = maxWaiting
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Turns that come before that of a newcomer; 0: it would be served at once. */
  get ahead(): number {
    return this.#places > 0 ? 0 : this.#waiting.length + 1
  }

  /**
   * Resolves to a function that gives the turn to the next caller; calling it twice is harmless.
   * Rejects with QueueFullError, or with the signal's reason when it aborts before the turn comes.
   */
  async acquire(signal: AbortSignal): Promise<() => void> {
    if (this.#places === 0 && this.#waiting.length >= this.#maxWaiting) {
      signal.throwIfAborted()
      throw new QueueFullError(this.#waiting.length)
    }
    return this.#enter(signal, 'last')
  }

  /** The turn of an answer that has begun: never refused, and before those that have not. */
  rejoin(signal: AbortSignal): Promise<() => void> {
    return this.#enter(signal, 'first')
  }

  async #enter(signal: AbortSignal, place: 'first' | 'last'): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#places > 0) this.#places--
    else await this.#turn(signal, place)
    let released = false
    return () => {
      if (released) return
      released = true
      this.#next()
    }
  }

  #turn(signal: AbortSignal, place: 'first' | 'last'): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      if (place === 'first') this.#waiting.unshift(start)
      else this.#waiting.push(start)
    })
  }

  // The turn passes on without becoming free in between, so that a newcomer cannot overtake.
  #next(): void {
    const start = this.#waiting.shift()
    if (start) start()
    else this.#places++
  }
}

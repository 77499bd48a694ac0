/** Callers that may wait at once; the next one is refused. */
export const MAX_WAITING = 16

/** Seconds after which a refused client is asked to come back. */
const RETRY_AFTER_SECONDS = 10

export class QueueFullError extends Error {
  readonly code = 'queue_full'
  readonly retryAfterSeconds = RETRY_AFTER_SECONDS

  constructor() {
    super(
      `The model is busy and ${MAX_WAITING} requests are waiting already. Try again in ${RETRY_AFTER_SECONDS} seconds.`,
    )
    this.name = 'QueueFullError'
  }
}

/** Lets one generation compute at a time; the others wait in order of arrival. */
export class GenerationQueue {
  #busy = false
  readonly #waiting: (() => void)[] = []

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Resolves to a function that gives the turn to the next caller; calling it twice is harmless.
   * Rejects with QueueFullError, or with the signal's reason when it aborts before the turn comes.
   */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#busy) await this.#turn(signal)
    this.#busy = true
    let released = false
    return () => {
      if (released) return
      released = true
      this.#next()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) throw new QueueFullError()
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
      this.#waiting.push(start)
    })
  }

  // The turn passes on without becoming free in between, so that a newcomer cannot overtake.
  #next(): void {
    const start = this.#waiting.shift()
    if (start) start()
    else this.#busy = false
  }
}

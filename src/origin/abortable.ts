/** The promise, or the reason of the signal once it aborts: not every promise that was handed a signal heeds it. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** The same for one promise after another; the signal is listened to once. */
export class Abortable {
  readonly #signal: AbortSignal
  #reject: (reason: unknown) => void = () => {}

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#reject(signal.reason), { once: true })
  }

  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      if (this.#signal.aborted) reject(this.#signal.reason)
      promise.then(resolve, reject)
    })
  }
}

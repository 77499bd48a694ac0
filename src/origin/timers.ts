import { OriginError, type OriginErrorCode } from './errors.ts'
import type { OriginTimers } from './origin-config.ts'

/**
 * The four timers of one request. `signal` aborts with the OriginError of the one that ran out, or with the reason of the
 * outer signal. No timer but the total one runs while nobody waits for the origin, so that a client that reads slowly is
 * no stall of the origin's.
 */
export class RequestTimers {
  readonly #origin: string
  readonly #limits: OriginTimers
  readonly #outer: AbortSignal
  readonly #controller = new AbortController()
  readonly #start = Date.now()
  readonly #total: ReturnType<typeof setTimeout>
  #waiting: ReturnType<typeof setTimeout> | undefined
  #tokens = false

  constructor(origin: string, limits: OriginTimers, outer: AbortSignal) {
    this.#origin = origin
    this.#limits = limits
    this.#outer = outer
    this.#total = this.#after(limits.totalMs, 'total_timeout', `no end of the answer within ${limits.totalMs} ms.`)
    outer.addEventListener('abort', this.#leave)
    if (outer.aborted) this.#leave()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** A request goes out. `beginsWithToken`: its response does not begin before the first token. */
  connecting(beginsWithToken: boolean): void {
    const { connectMs } = this.#limits
    if (beginsWithToken) this.waiting()
    else this.#wait(connectMs, 'connect_timeout', `no response within ${connectMs} ms.`)
  }

  /** Nothing happens before the origin sends the next token. */
  waiting(): void {
    const { firstTokenMs, idleMs } = this.#limits
    const left = this.#start + firstTokenMs - Date.now()
    if (this.#tokens) this.#wait(idleMs, 'idle_timeout', `no token for ${idleMs} ms.`)
    else this.#wait(left, 'first_token_timeout', `no token within ${firstTokenMs} ms.`)
  }

  /** What was waited for has come. */
  arrived(what: 'response' | 'token'): void {
    clearTimeout(this.#waiting)
    if (what === 'token') this.#tokens = true
  }

  /** Ends the request, if it still runs. */
  close(): void {
    clearTimeout(this.#waiting)
    clearTimeout(this.#total)
    this.#outer.removeEventListener('abort', this.#leave)
    this.#controller.abort()
  }

  readonly #leave = () => this.#controller.abort(this.#outer.reason)

  #wait(ms: number, code: OriginErrorCode, what: string): void {
    clearTimeout(this.#waiting)
    this.#waiting = this.#after(ms, code, what)
  }

  #after(ms: number, code: OriginErrorCode, what: string) {
    return setTimeout(() => this.#controller.abort(new OriginError(this.#origin, code, what)), ms)
  }
}

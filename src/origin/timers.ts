import { OriginError, type OriginErrorCode } from './errors.ts'
import type { OriginTimers } from './origin-config.ts'

/**
 * The four timers of one request. `signal` aborts with the OriginError of the one that ran out, or with the reason of the
 * outer signal. No timer but the total one runs while nobody waits for the origin, so that a client that reads slowly is
 * no stall of the origin's.
 */
export class RequestTimers {
  readonly signal: AbortSignal
  readonly #origin: string
  readonly #limits: OriginTimers
  readonly #outer: AbortSignal
  readonly #controller = new AbortController()
  readonly #start = Date.now()
  readonly #total: ReturnType<typeof setTimeout>
  /** What is waited for must come before this, as Date.now() counts. */
  #deadline = Number.POSITIVE_INFINITY
  #code: OriginErrorCode = 'connect_timeout'
  #what = ''
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When the timer looks at the deadline, which may be a later one by then. */
  #looksAt = Number.POSITIVE_INFINITY
  #tokens = false
  #waitsForToken = false

  constructor(origin: string, limits: OriginTimers, outer: AbortSignal) {
    this.#origin = origin
    this.#limits = limits
    this.#outer = outer
    this.signal = this.#controller.signal
    this.#total = setTimeout(
      () => this.#fail('total_timeout', `no end of the answer within ${limits.totalMs} ms.`),
      limits.totalMs,
    )
    outer.addEventListener('abort', this.#leave)
    if (outer.aborted) this.#leave()
  }

  /** A request goes out. `beginsWithToken`: its response does not begin before the first token. */
  connecting(beginsWithToken: boolean): void {
    const { connectMs } = this.#limits
    this.#waitsForToken = false
    if (beginsWithToken) this.waiting()
    else this.#wait(connectMs, 'connect_timeout', `no response within ${connectMs} ms.`)
  }

  /** Nothing happens before the origin sends the next token. Said again of the same wait it changes nothing. */
  waiting(): void {
    const { firstTokenMs, idleMs } = this.#limits
    if (this.#waitsForToken) return
    this.#waitsForToken = true
    if (this.#tokens) this.#wait(idleMs, 'idle_timeout', `no token for ${idleMs} ms.`)
    else {
      const left = this.#start + firstTokenMs - Date.now()
      this.#wait(left, 'first_token_timeout', `no token within ${firstTokenMs} ms.`)
    }
  }

  /** What was waited for has come. */
  arrived(what: 'response' | 'token'): void {
    this.#deadline = Number.POSITIVE_INFINITY
    this.#waitsForToken = false
    if (what === 'token') this.#tokens = true
  }

  /** The request has come to its own end. */
  stop(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#total)
    this.#outer.removeEventListener('abort', this.#leave)
  }

  /** Ends the request, if it still runs. */
  close(): void {
    this.stop()
    // Without a reason an error is made, stack and all.
    this.#controller.abort('closed')
  }

  readonly #leave = () => this.#controller.abort(this.#outer.reason)

  #wait(ms: number, code: OriginErrorCode, what: string): void {
    this.#deadline = Date.now() + ms
    this.#code = code
    this.#what = what
    if (this.#deadline < this.#looksAt) this.#lookAtDeadline()
  }

  // One timer that looks again where the deadline has moved: to set one and to clear it for every token takes workerd longer than
  // all else that a token needs.
  #lookAtDeadline(): void {
    clearTimeout(this.#timer)
    this.#looksAt = this.#deadline
    this.#timer = setTimeout(() => {
      this.#looksAt = Number.POSITIVE_INFINITY
      if (this.#deadline <= Date.now()) this.#fail(this.#code, this.#what)
      else if (this.#deadline < Number.POSITIVE_INFINITY) this.#lookAtDeadline()
    }, this.#deadline - Date.now())
  }

  #fail(code: OriginErrorCode, what: string): void {
    this.#controller.abort(new OriginError(this.#origin, code, what))
  }
}

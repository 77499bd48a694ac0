import { OriginError } from './errors.ts'

/** cockatiel makes an AbortController when it is loaded, which workerd allows while it handles a request only. */
export const loadCockatiel = () => import('cockatiel')
export type Cockatiel = Awaited<ReturnType<typeof loadCockatiel>>

/** Open when half of the last 10 attempts failed, and 3 at least. */
const WINDOW = { threshold: 0.49, size: 10, minimumNumberOfCalls: 3 }
/** An open circuit lets one attempt through after this time, in ms. */
const HALF_OPEN_AFTER_MS = 15_000

export type BreakerState = 'closed' | 'open' | 'half-open'

/** One attempt at an origin, from its request to its end; the first outcome counts. */
export interface Attempt {
  /** The first token came: enough for an open circuit to close, so that others need not wait for a whole answer. */
  delivers(): void
  succeeded(): void
  failed(error: OriginError): void
  /** Nobody wants the answer any more: says nothing about the origin. */
  cancelled(): void
}

export interface BreakerChange {
  readonly from: BreakerState
  readonly to: BreakerState
  /** Code of the failure that opened it. */
  readonly cause: string | undefined
}

/** The circuit breaker of one origin. A failure in the middle of a stream counts as one at its start. */
export class OriginBreaker {
  readonly #origin: string
  readonly #policy: ReturnType<Cockatiel['circuitBreaker']>
  #openedAt = 0
  #state: BreakerState = 'closed'

  constructor(cockatiel: Cockatiel, origin: string, onChange: (change: BreakerChange) => void) {
    const { circuitBreaker, CircuitState, CountBreaker, handleType } = cockatiel
    this.#origin = origin
    this.#policy = circuitBreaker(
      handleType(OriginError, (error) => error.isFault),
      { halfOpenAfter: HALF_OPEN_AFTER_MS, breaker: new CountBreaker(WINDOW) },
    )
    const states = new Map<number, BreakerState>([
      [CircuitState.Closed, 'closed'],
      [CircuitState.Open, 'open'],
      [CircuitState.HalfOpen, 'half-open'],
    ])
    this.#policy.onStateChange((circuit) => {
      const from = this.#state
      // The fourth, isolation, is by hand only.
      this.#state = states.get(circuit)!
      if (this.#state === 'open') this.#openedAt = Date.now()
      onChange({ from, to: this.#state, cause: this.#state === 'open' ? this.lastFailure : undefined })
    })
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Code of the last failure that counted. */
  get lastFailure(): string | undefined {
    const { lastFailure } = this.#policy
    return lastFailure && 'error' in lastFailure ? (lastFailure.error as OriginError).code : undefined
  }

  /** Whether an attempt would be let through now. */
  get allows(): boolean {
    if (this.#state === 'half-open') return false
    return this.#state === 'closed' || Date.now() - this.#openedAt >= HALF_OPEN_AFTER_MS
  }

  /** Throws an OriginError `circuit_open`. */
  begin(): Attempt {
    if (!this.allows) throw new OriginError(this.#origin, 'circuit_open', 'it failed too often lately.')
    const isProbe = this.#state === 'open'
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // The error is the caller's already; here it is only counted.
    this.#policy.execute(() => promise).catch(() => {})
    let probing = isProbe
    return {
      delivers: () => {
        if (probing) resolve()
        probing = false
      },
      succeeded: () => resolve(),
      failed: (error) => {
        if (isProbe && !probing) this.#countFailure(error)
        else reject(error)
      },
      // An open circuit stays open until an attempt shows that the origin works.
      cancelled: () => (probing ? reject(new OriginError(this.#origin, 'stream_cut', 'given up.')) : reject(undefined)),
    }
  }

  /** A probe that closed the circuit with its first token failed later. */
  #countFailure(error: OriginError): void {
    this.#policy.execute(() => Promise.reject(error)).catch(() => {})
  }
}

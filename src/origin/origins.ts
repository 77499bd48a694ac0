import { pause } from '../generate/pause.ts'
import { createRandom, type Random } from '../generate/random.ts'
import { relay } from '../generate/relay.ts'
import type { GenerateEnd } from '../generate/types.ts'
import type { RoutingFacts } from '../route/policy.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { loadCockatiel } from './breaker.ts'
import { arrange } from './choose.ts'
import type { ContinueRequest } from './continue-request.ts'
import { AllOriginsFailedError, OriginError } from './errors.ts'
import type { Fetch } from './exchange.ts'
import type { HistoryToken } from './history.ts'
import { Origin, type OriginLog } from './origin.ts'
import type { OriginConfig } from './origin-config.ts'
import type { Demands } from './unsupported.ts'

/** Times that every origin is asked without one token coming, before all have failed. */
const ROUNDS = 2
/** Between two rounds, in ms. */
const PAUSE_MS = 250
/** Longest Retry-After that is waited for while a client waits, in ms. */
const MAX_RETRY_AFTER_MS = 5000

export interface OriginsOptions {
  readonly tokenizer: Tokenizer
  readonly log: OriginLog
  readonly fetch?: Fetch
  readonly random?: Random
}

/** A token, and the name of the origin that made it. */
export type OriginToken = HistoryToken & { readonly origin?: string }

/** Within a handler: workerd allows neither the library behind this nor random numbers before. */
export async function openOrigins(configs: readonly OriginConfig[], options: OriginsOptions): Promise<Origins> {
  const { tokenizer, log, fetch = globalThis.fetch, random = createRandom(undefined) } = options
  const cockatiel = await loadCockatiel()
  // Called as a method of another object workerd's fetch throws.
  const call: Fetch = (url, init) => fetch(url, init)
  return new Origins(
    configs.map((config) => new Origin(config, { tokenizer, log, fetch: call, cockatiel })),
    random,
  )
}

/** All origins, as one that does not fail while any of them can go on. */
export class Origins {
  readonly #origins: readonly Origin[]
  readonly #random: Random

  constructor(origins: readonly Origin[], random: Random) {
    this.#origins = origins
    this.#random = random
  }

  /** Whether an origin would be asked now. */
  get available(): boolean {
    return this.#origins.some(({ readyAt }) => readyAt <= Date.now())
  }

  get status(): RoutingFacts['origins'] {
    if (this.#origins.length === 0) return 'none'
    return this.available ? 'ready' : 'down'
  }

  /** What the first token took lately, in ms: of the slowest origin that may be asked first. */
  get firstTokenMs(): number {
    const ready = this.#origins.filter(({ readyAt }) => readyAt <= Date.now())
    const order = Math.min(...ready.map(({ config }) => config.order))
    return Math.max(0, ...ready.filter(({ config }) => config.order === order).map(({ firstTokenMs }) => firstTokenMs))
  }

  /** Tokens of the longest context; 0: no origin is configured. */
  get contextLength(): number {
    return Math.max(0, ...this.#origins.map(({ contextLength }) => contextLength))
  }

  /** Whether every origin takes text, so that it can only be asked between characters. */
  get takeTextOnly(): boolean {
    return this.#origins.every(({ takes }) => takes === 'text')
  }

  /** Why no origin can answer what is asked exactly; undefined: one can. */
  unsupported(demands: Demands): string | undefined {
    const reasons = this.#origins.map((origin) => origin.unsupported(demands))
    return reasons.includes(undefined) ? undefined : (reasons[0] ?? 'no origin is configured.')
  }

  health() {
    return this.#origins.map((origin) => origin.health())
  }

  /** Asks every origin for its model and tokenizer, so that the first request need not. Failures are logged. */
  async check(): Promise<void> {
    await Promise.allSettled(this.#origins.map((origin) => origin.check()))
  }

  /**
   * The tokens after a history, from whichever origin gives them: after a failure the next request begins at the last
   * token that was yielded. Returns 'aborted' when the signal aborts. Throws AllOriginsFailedError.
   */
  async *continueAtOrigin(request: ContinueRequest): AsyncGenerator<OriginToken, GenerateEnd> {
    const { signal } = request
    const delivered: HistoryToken[] = []
    const failures: OriginError[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const origins = this.#candidates(round === 0 ? Date.now() : Date.now() + MAX_RETRY_AFTER_MS)
      for (const origin of origins) {
        const last = failures.findLast((failure) => failure.origin === origin.config.name)
        if (last && !last.isTransient) continue
        if (await this.#abortedWhilePausing(round, origin, signal)) return 'aborted'
        const before = delivered.length
        const end = yield* this.#attempt(origin, request, delivered, failures)
        if (end) return end
        if (delivered.length > before) {
          // It worked until now: begin again, with the best origin.
          failures.splice(0, failures.length - 1)
          round = -1
          break
        }
      }
    }
    throw new AllOriginsFailedError(failures)
  }

  /** undefined: the origin failed. */
  async *#attempt(
    origin: Origin,
    request: ContinueRequest,
    delivered: HistoryToken[],
    failures: OriginError[],
  ): AsyncGenerator<OriginToken, GenerateEnd | undefined> {
    const history = request.history.with(delivered)
    const left = request.maxTokens - (history.length - request.history.length)
    if (left <= 0) return 'length'
    try {
      return yield* relay(origin.attempt({ ...request, history, maxTokens: left }), (token) => {
        delivered.push(token)
        return { ...token, origin: origin.config.name }
      })
    } catch (error) {
      if (!(error instanceof OriginError)) throw error
      failures.push(error)
      return undefined
    }
  }

  /** Waits for what Retry-After asks, and a little before asking an origin again. */
  async #abortedWhilePausing(round: number, { readyAt }: Origin, signal: AbortSignal): Promise<boolean> {
    const ms = Math.max(round > 0 ? PAUSE_MS : 0, readyAt - Date.now())
    if (ms > 0 && ms <= MAX_RETRY_AFTER_MS) await pause(ms, signal)
    return signal.aborted
  }

  #candidates(readyBy: number): Origin[] {
    const ready = this.#origins.filter(({ readyAt }) => readyAt <= readyBy)
    return arrange(
      ready.map((origin) => ({ origin, order: origin.config.order, weight: origin.config.weight })),
      this.#random,
    ).map(({ origin }) => origin)
  }
}

import { ApiError } from '../errors.ts'
import { type Allowance, InAll, PerDay, PerMinute } from './allowance.ts'
import type { Ledger } from './ledger.ts'
import type { Limits } from './limits.ts'

/** Seconds after which somebody with too many answers at once is asked to come back. */
const STREAMS_RETRY_SECONDS = 5

/** How long what was taken waits to be written: an object that idles is evicted after 10 seconds. */
export const SAVE_MS = 2000

/** Of a widget's token. */
interface TotalLimits {
  readonly requests: number
  readonly tokens: number
}

/** What one key, address or widget's token has used of its limits. */
export class Account {
  readonly #requests: Allowance[] = []
  readonly #tokens: Allowance[] = []
  readonly #id: string
  readonly #ledger: Ledger | undefined
  readonly #maxStreams: number
  #streams = 0
  #saving: ReturnType<typeof setTimeout> | undefined

  /** @param id in the ledger; without one all is forgotten with the memory. @param total of a widget's token. */
  constructor(id: string, limits: Limits, { ledger, total }: { ledger?: Ledger; total?: TotalLimits } = {}) {
    const { requestsPerMinute, tokensPerMinute, tokensPerDay, streams } = limits
    if (requestsPerMinute !== undefined) this.#requests.push(new PerMinute(requestsPerMinute, 'requests'))
    if (tokensPerMinute !== undefined) this.#tokens.push(new PerMinute(tokensPerMinute, 'tokens'))
    if (total) {
      this.#requests.push(new InAll(total.requests, 'requests'))
      this.#tokens.push(new InAll(total.tokens, 'tokens'))
    }
    if (tokensPerDay !== undefined) this.#tokens.push(new PerDay(tokensPerDay))
    this.#maxStreams = streams ?? Number.POSITIVE_INFINITY
    this.#id = id
    this.#ledger = this.#all.length > 0 ? ledger : undefined
    const before = this.#ledger?.read(id)
    for (const allowance of this.#all) {
      const spent = before?.[allowance.unit]
      if (spent) allowance.restore(spent)
    }
  }

  get #all(): readonly Allowance[] {
    return [...this.#requests, ...this.#tokens]
  }

  get isIdle(): boolean {
    return this.#streams === 0
  }

  /** Throws an ApiError of status 429 where there is no request left. */
  checkRequest(): void {
    check(this.#requests, Date.now())
  }

  countRequest(): void {
    for (const allowance of this.#requests) allowance.take(1, Date.now())
    this.#saveSoon()
  }

  /** Throws an ApiError of status 429 where no answer may begin now. */
  checkAnswer(): void {
    check(this.#tokens, Date.now())
    if (this.#streams < this.#maxStreams) return
    throw limited(`${this.#maxStreams} answers of yours go on at once already`, STREAMS_RETRY_SECONDS)
  }

  beginAnswer(): void {
    this.#streams++
  }

  endAnswer(): void {
    this.#streams--
    this.save()
  }

  takeTokens(tokens: number): void {
    for (const allowance of this.#tokens) allowance.take(tokens, Date.now())
    this.#saveSoon()
  }

  save(): void {
    clearTimeout(this.#saving)
    this.#saving = undefined
    const now = Date.now()
    const spent = this.#all.map((allowance) => [allowance.unit, allowance.spent(now)])
    this.#ledger?.write(this.#id, Object.fromEntries(spent), now)
  }

  #saveSoon(): void {
    if (this.#ledger) this.#saving ??= setTimeout(() => this.save(), SAVE_MS)
  }

  /** Why an answer must end, or not begin with so many tokens more; undefined: it may go on. */
  spent(more = 0): ApiError | undefined {
    const now = Date.now()
    const allowance = this.#tokens.find((tokens) => tokens.endsAnswers && tokens.left(now) <= more)
    return allowance && exhausted(allowance, now)
  }

  /** OpenAI's headers: of requests and tokens the limit of which the least is left. */
  headers(): Record<string, string> {
    const now = Date.now()
    return { ...headersOf('requests', this.#requests, now), ...headersOf('tokens', this.#tokens, now) }
  }
}

function check(allowances: readonly Allowance[], now: number): void {
  const empty = allowances.filter((allowance) => allowance.waitMs(now) > 0)
  if (empty.length > 0) throw exhausted(longest(empty, now), now)
}

function longest(allowances: readonly Allowance[], now: number): Allowance {
  return allowances.reduce((a, b) => (b.waitMs(now) > a.waitMs(now) ? b : a))
}

function exhausted(allowance: Allowance, now: number): ApiError {
  const ms = allowance.waitMs(now)
  const problem = `You may have ${allowance.limit} ${allowance.unit}, and they are spent`
  if (Number.isFinite(ms)) return limited(problem, Math.ceil(ms / 1000))
  return new ApiError(429, 'widget_token_spent', `${problem}. The page has to ask for another token.`, {
    headers: { 'x-should-retry': 'false' },
  })
}

function limited(problem: string, seconds: number): ApiError {
  return new ApiError(429, 'rate_limit_exceeded', `${problem}. Try again in ${seconds} seconds.`, {
    headers: { 'Retry-After': String(seconds) },
  })
}

function headersOf(what: string, allowances: readonly Allowance[], now: number): Record<string, string> {
  if (allowances.length === 0) return {}
  const least = allowances.reduce((a, b) => (b.left(now) < a.left(now) ? b : a))
  return {
    [`x-ratelimit-limit-${what}`]: String(least.limit),
    [`x-ratelimit-remaining-${what}`]: String(least.left(now)),
    [`x-ratelimit-reset-${what}`]: duration(least.resetMs(now)),
  }
}

/** As OpenAI writes it: `6m0s`, `1.5s`, `20ms`. */
function duration(ms: number): string {
  if (ms < 1000) return `${ms}ms`
  const minutes = Math.floor(ms / 60_000)
  const seconds = Math.ceil((ms % 60_000) / 10) / 100
  const hours = Math.floor(minutes / 60)
  return `${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes % 60}m` : ''}${seconds}s`
}

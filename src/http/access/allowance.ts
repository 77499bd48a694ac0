/** What outlasts the memory of the server. */
export interface Spent {
  readonly amount: number
  /** When it was that much. */
  readonly at: number
}

/** How much of something is left to somebody: requests or tokens, in a time. Times are in ms as Date.now() counts. */
export interface Allowance {
  /** For messages: `requests a minute`. An account has one of each. */
  readonly unit: string
  readonly limit: number
  /** What was taken; undefined: nothing that counts. */
  spent(now: number): Spent | undefined
  /** Takes what was taken before the server was restarted. */
  restore(spent: Spent): void
  /** What runs out in the middle of an answer ends it. */
  readonly endsAnswers: boolean
  left(now: number): number
  /** Until something is left; 0: now. Infinity: never. */
  waitMs(now: number): number
  /** Until all of it is there again. */
  resetMs(now: number): number
  /** More may be taken than is left: the cost of an answer is known at its end only. */
  take(amount: number, now: number): void
}

const MINUTE_MS = 60_000

/** So much a minute, coming back evenly. What was taken too much is paid off before anything is left. */
export class PerMinute implements Allowance {
  readonly unit: string
  readonly limit: number
  readonly endsAnswers = false
  /** In parts of which MINUTE_MS are one, so that each ms brings `limit` of them back: whole numbers. */
  #parts: number
  #at = 0

  /** @param what is counted, as `requests`. */
  constructor(limit: number, what: string) {
    this.limit = limit
    this.unit = `${what} a minute`
    this.#parts = limit * MINUTE_MS
  }

  left(now: number): number {
    return Math.max(0, Math.floor(this.#partsAt(now) / MINUTE_MS))
  }

  waitMs(now: number): number {
    return this.#msTo(1, now)
  }

  resetMs(now: number): number {
    return this.#msTo(this.limit, now)
  }

  take(amount: number, now: number): void {
    this.#parts = this.#partsAt(now) - amount * MINUTE_MS
    this.#at = now
  }

  spent(now: number): Spent | undefined {
    const amount = this.limit * MINUTE_MS - this.#partsAt(now)
    return amount > 0 ? { amount, at: now } : undefined
  }

  restore({ amount, at }: Spent): void {
    this.#parts = this.limit * MINUTE_MS - amount
    this.#at = at
  }

  #partsAt(now: number): number {
    return Math.min(this.limit * MINUTE_MS, this.#parts + Math.max(0, now - this.#at) * this.limit)
  }

  #msTo(level: number, now: number): number {
    return Math.max(0, Math.ceil((level * MINUTE_MS - this.#partsAt(now)) / this.limit))
  }
}

/** Nothing that was taken counts for longer. */
export const DAY_MS = 24 * 60 * MINUTE_MS

/** So many tokens in a day of UTC. */
export class PerDay implements Allowance {
  readonly unit = 'tokens a day'
  readonly limit: number
  readonly endsAnswers = true
  #day = -1
  #taken = 0

  constructor(limit: number) {
    this.limit = limit
  }

  left(now: number): number {
    this.#turn(now)
    return Math.max(0, this.limit - this.#taken)
  }

  waitMs(now: number): number {
    return this.left(now) > 0 ? 0 : this.#tomorrow(now)
  }

  resetMs(now: number): number {
    this.#turn(now)
    return this.#taken === 0 ? 0 : this.#tomorrow(now)
  }

  take(amount: number, now: number): void {
    this.#turn(now)
    this.#taken += amount
  }

  spent(now: number): Spent | undefined {
    this.#turn(now)
    return this.#taken > 0 ? { amount: this.#taken, at: now } : undefined
  }

  restore({ amount, at }: Spent): void {
    this.#day = Math.floor(at / DAY_MS)
    this.#taken = amount
  }

  /** Begins the day that it is. */
  #turn(now: number): void {
    const day = Math.floor(now / DAY_MS)
    if (day === this.#day) return
    this.#day = day
    this.#taken = 0
  }

  #tomorrow(now: number): number {
    return DAY_MS - (now % DAY_MS)
  }
}

/** So much in all, as long as what it belongs to is valid. */
export class InAll implements Allowance {
  readonly unit: string
  readonly limit: number
  readonly endsAnswers = true
  #taken = 0

  constructor(limit: number, what: string) {
    this.limit = limit
    this.unit = `${what} of a widget's token`
  }

  left(): number {
    return Math.max(0, this.limit - this.#taken)
  }

  waitMs(): number {
    return this.left() > 0 ? 0 : Number.POSITIVE_INFINITY
  }

  resetMs(): number {
    return 0
  }

  take(amount: number): void {
    this.#taken += amount
  }

  spent(now: number): Spent | undefined {
    return this.#taken > 0 ? { amount: this.#taken, at: now } : undefined
  }

  restore({ amount }: Spent): void {
    this.#taken = amount
  }
}

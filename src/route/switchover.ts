import { pause } from '../generate/pause.ts'
import type { AllOriginsFailedError } from '../origin/errors.ts'
import type { Origins } from '../origin/origins.ts'
import type { EdgeRun } from './edge-run.ts'
import type { EdgeBudget } from './limits.ts'
import type { OpenRequest } from './open-request.ts'
import { planReserve, type ReservePlan } from './reserve.ts'

/** Requests for one switch, before the client waits. */
const MAX_REQUESTS = 3
/** Tokens before the edge's speed is judged. */
const SPEED_SAMPLE = 8

/** How far the edge has come on its way to an origin, as the head of handover.ts tells. */
export type Phase =
  /** The edge computes what is read. */
  | 'onDemand'
  /** It has to run ahead from now on, or its budget will be spent before an origin can take over. */
  | 'leadSpent'
  /** It runs ahead, and puts a reserve aside. */
  | 'ahead'
  | 'reserveFull'
  /** An origin is asked for what follows the snapshot. */
  | 'asked'
  /** The snapshot is delivered, and no origin has answered in time. */
  | 'dry'
  /** The snapshot is delivered, and the origin's first token is there. */
  | 'answered'

/** One run of the edge until an origin takes over, or the answer ends. */
export class Switchover {
  readonly #run: EdgeRun
  readonly #origins: Pick<Origins, 'available' | 'firstTokenMs'>
  readonly #budget: EdgeBudget
  #request: OpenRequest | undefined
  #requests = 0
  /** Made tokens after which an origin goes on: more after a failure. */
  #budgetTokens: number
  #hasFailed = false
  /** When the next token may go out, and when it is missed. */
  #due = 0
  #dryAt = 0

  constructor(run: EdgeRun, origins: Pick<Origins, 'available' | 'firstTokenMs'>, budget: EdgeBudget) {
    this.#run = run
    this.#origins = origins
    this.#budget = budget
    this.#budgetTokens = budget.tokens
  }

  get phase(): Phase {
    const { made, taken, isAhead } = this.#run
    const request = this.#request
    const reserve = made.length - taken
    if (!request) {
      if (isAhead) return reserve >= this.#reservePlan.size ? 'reserveFull' : 'ahead'
      return this.#leadIsSpent ? 'leadSpent' : 'onDemand'
    }
    if (taken !== request.snapshot) return 'asked'
    if (request.outcome) return 'answered'
    const mayAskAgain = reserve > 0 && this.#requests < MAX_REQUESTS
    return mayAskAgain && this.#hasRunDry ? 'dry' : 'asked'
  }

  /** The snapshot is delivered, and the origin has not answered when the next token was due. */
  get isLate(): boolean {
    const request = this.#request
    return request !== undefined && !request.outcome && this.#run.taken === request.snapshot && this.#hasRunDry
  }

  /** Why the edge has to hand over, before it runs ahead. */
  get cause(): 'slow-edge' | 'budget' {
    return this.#isSpent ? 'budget' : 'slow-edge'
  }

  /** Requests that were made for this switch. */
  get requests(): number {
    return this.#requests
  }

  /** Whether a token of the edge's may go out now. */
  get mayDeliver(): boolean {
    const { end, taken } = this.#run
    const waits = Date.now() < this.#due && !end && !this.#request?.outcome
    return taken < this.#readable && !waits
  }

  delivered(): void {
    const { isAhead } = this.#run
    this.#due = isAhead ? Date.now() + this.#reservePlan.intervalMs : 0
    this.#dryAt = Date.now() + this.#usualMs
  }

  /** `request` goes on after all tokens made so far. */
  asked(request: OpenRequest): void {
    this.close()
    this.#request = request
    this.#requests++
  }

  /** The failure of the origins that were asked, told once: then the edge goes on with another budget. */
  takeFailure(): AllOriginsFailedError | undefined {
    const outcome = this.#request?.outcome
    if (!outcome || !('failure' in outcome)) return undefined
    this.#request = undefined
    this.#requests = 0
    this.#due = 0
    this.#hasFailed = true
    this.#budgetTokens = this.#run.made.length + this.#budget.tokens
    this.#run.runOnDemand()
    return outcome.failure
  }

  /** The answered request, which `close` closes no more. */
  takeRequest(): OpenRequest | undefined {
    const request = this.#request
    this.#request = undefined
    return request
  }

  /** Until the edge's next token, the origin's first one, or the time when a token may go out or is missed. */
  async change(signal: AbortSignal): Promise<void> {
    const nextAt = this.#run.taken < this.#readable ? this.#due : this.#request ? this.#dryAt : 0
    const ms = nextAt - Date.now()
    const delivery = ms > 0 ? [pause(ms, signal)] : []
    await Promise.race([this.#run.next(), ...(this.#request ? [this.#request.first] : []), ...delivery])
  }

  close(): void {
    this.#request?.close()
  }

  /** Tokens that may go out: the last of the snapshot is the last of the edge's, unless the edge is the first to end. */
  get #readable(): number {
    return this.#request && !this.#run.end ? this.#request.snapshot : this.#run.made.length
  }

  /** What a token of the edge's takes, in ms. */
  get #usualMs(): number {
    return this.#run.intervalMs ?? this.#origins.firstTokenMs
  }

  get #reservePlan(): ReservePlan {
    return planReserve(this.#origins.firstTokenMs, this.#usualMs)
  }

  get #leadIsSpent(): boolean {
    return this.#run.taken > 0 && (this.#isSlow || this.#isSpent) && this.#origins.available
  }

  get #isSlow(): boolean {
    const { made, intervalMs } = this.#run
    // A slow edge whose origins have failed must not ask them all the time.
    return !this.#hasFailed && made.length >= SPEED_SAMPLE && (intervalMs ?? 0) > this.#budget.msPerToken
  }

  get #isSpent(): boolean {
    return this.#run.made.length >= this.#budgetTokens - this.#reservePlan.lead
  }

  get #hasRunDry(): boolean {
    return Date.now() >= this.#dryAt
  }
}

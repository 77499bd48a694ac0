// One stream of tokens from the edge and the origins, whoever makes them.
//
// The request to an origin takes time: queueing, prefill, the way. It is opened ahead of the switch, from a snapshot S of
// prompt and tokens, and the origin's tokens can only follow the tokens of S. What the edge makes after S must not be
// delivered if the origin goes on from S; and if the origin fails it must not be lost. So, by the phases of switchover.ts:
//
//   - leadSpent: some tokens before the budget is spent the edge begins to run ahead, and its tokens are delivered a little
//     slower than they are made (reserve.ts). That puts a reserve of tokens aside, as many as the origin's first token usually takes.
//   - reserveFull: S is all tokens made so far. The request is opened, the reserve goes on being delivered, and what the edge
//     makes after S is held back.
//   - answered: the origin's first token comes while there is a reserve: the rest of it goes out at once, then the origin's
//     tokens; the tokens held back are dropped and the edge stops. Nobody sees a gap.
//   - dry: the reserve runs out first: the tokens held back become the reserve, and the request is opened anew from the new,
//     larger S; the reserve grows each time, and the origin has most of the prefix cached. After MAX_REQUESTS it is waited for.
//   - The origin fails, or the edge comes to its end first: what was held back is delivered, and the edge goes on.
//
// The joined tokens are thus always the edge's tokens up to S followed by what the origin answers to exactly these: neither
// a token of both nor one of none. (The alternative, to deliver everything and to keep the origin's tokens as long as
// they agree, ends where the two disagree, with sampling at once, and then the wait is seen in full.)

import { has } from '../generate/token-mask.ts'
import type { GeneratedToken, GenerateEnd, Steering } from '../generate/types.ts'
import type { ContinueRequest } from '../origin/continue-request.ts'
import type { AllOriginsFailedError } from '../origin/errors.ts'
import type { History, HistoryToken } from '../origin/history.ts'
import type { OpenGrammar } from '../origin/open-grammar.ts'
import type { Origins, OriginToken } from '../origin/origins.ts'
import { EdgeRun } from './edge-run.ts'
import type { EdgeBudget } from './limits.ts'
import { OpenRequest } from './open-request.ts'
import type { Notice, Source, SourcedToken, SourceReason } from './source.ts'
import { Switchover } from './switchover.ts'

/** Characters; longer than any tag of an answer. */
const LONGEST_TAG = 32

/** What overrules the samplers, wherever they are: asked about the tokens that were delivered, not about those that are held back. */
export interface AnswerSteering extends Steering {
  /** The grammar that is open, the same one until its end; undefined, or left out: what follows is free. */
  grammar?(): OpenGrammar | undefined
  /** The edge has to leave the answer to an origin, if that can go on. */
  leavesEdge?(): boolean
  /** Resolves when something has to be forced, though a token is still waited for. */
  readonly hurried?: Promise<void>
  /** What comes next, where an origin cannot be told that it must. @param ended it has ended what it was asked for. */
  forcedAtOrigin?(ended: boolean): readonly number[]
  /** Whether text without ids may come next; left out: any. */
  allowsText?(text: string): boolean
  /** Tags after which a grammar may open or end. */
  readonly grammarTags?: readonly string[]
}

export interface HandoverOptions {
  readonly origins: Pick<Origins, 'continueAtOrigin' | 'available' | 'firstTokenMs' | 'takeTextOnly' | 'unsupported'>
  /** Where the first token comes from, and why. */
  readonly start: Source
  readonly reason: SourceReason
  /** The edge's tokens after a history: `generate` from its ids. */
  readonly edge: (
    history: History,
    maxTokens: number,
    signal: AbortSignal,
    steering: AnswerSteering | undefined,
  ) => AsyncGenerator<GeneratedToken, GenerateEnd>
  readonly budget: EdgeBudget
  /** `history`: the prompt alone. */
  readonly request: Omit<ContinueRequest, 'bannedIds' | 'grammar'>
  readonly steering: AnswerSteering | undefined
  readonly log: (entry: { readonly event: string; readonly [field: string]: unknown }) => void
}

/** As `generate`, for an answer that may move between the edge and the origins any number of times. */
export async function* handover(options: HandoverOptions): AsyncGenerator<SourcedToken | Notice, GenerateEnd> {
  const joined = new Joined(options)
  let request: OpenRequest | undefined
  if (options.start === 'origin') {
    yield* joined.forceAtOrigin()
    request = yield* joined.openAgain()
  }
  try {
    for (;;) {
      if (request) {
        const end = yield* joined.fromOrigin(request)
        if (end) return end
      }
      const answer = yield* joined.fromEdge()
      if (typeof answer === 'string') return answer
      request = answer
    }
  } finally {
    await joined.edgeStopped
  }
}

type Delivery = SourcedToken | Notice

class Joined {
  readonly #options: HandoverOptions
  readonly #history: History
  /** The end of what was delivered last as text. */
  #tail = ''
  /** Who made the last token, and which origin the last of an origin's. */
  #source: Source | undefined
  #origin: string | undefined
  /** Why it is where it is: for either source the last reason to go there. */
  readonly #why: Record<Source, SourceReason>
  /** The reader knows that an origin is waited for. */
  #toldMoving = false
  #toldHurried = false
  /** Resolves when the edge computes nothing any more: it may be at a token that nobody waits for. */
  edgeStopped: Promise<void> = Promise.resolve()

  constructor(options: HandoverOptions) {
    this.#options = options
    this.#history = options.request.history.with([])
    this.#why = { edge: options.reason, origin: options.reason }
    // What is continued at an origin from its start has filled the edge.
    if (this.#history.length > 0) this.#source = 'edge'
  }

  /** Asks the origins to go on from all that was delivered and these tokens, the last of `snapshot` of the edge's run. */
  open(undelivered: readonly GeneratedToken[], snapshot = 0): OpenRequest {
    const { origins, request, steering } = this.#options
    const history = this.#history.with(undelivered)
    const maxTokens = this.#left - undelivered.length
    const grammar = steering?.grammar?.()
    const bannedIds = [...(steering?.banned() ?? []), ...(grammar || this.#mayEnd ? [] : request.eosIds)]
    const start = (signal: AbortSignal) =>
      origins.continueAtOrigin({ ...request, history, maxTokens, bannedIds, grammar, signal })
    return new OpenRequest(start, request.signal, snapshot)
  }

  /** undefined: the edge has to go on, since the origins failed or cannot hold to the grammar that has opened. */
  async *fromOrigin(request: OpenRequest): AsyncGenerator<Delivery, GenerateEnd | undefined> {
    const { steering } = this.#options
    let open: OpenRequest | undefined = request
    let grammar = steering?.grammar?.()
    let origin: string | undefined
    try {
      if (this.#source === 'edge' && !request.outcome) yield* this.#moving()
      for (let next = request.first; ; ) {
        const step = next === open.first ? await this.#orHurried(next) : await next
        if (!step) {
          if (!(yield* this.forceAtOrigin())) continue
        } else {
          if ('failure' in step) return yield* this.#failed(step.failure)
          const token = step.done ? undefined : this.#upToTag(step.value)
          if (token && !this.#allows(token)) return yield* this.#refused()
          if (token) {
            if (origin !== undefined && token.origin !== origin) this.#why.origin = 'origin-failed'
            origin = token.origin
            yield this.#deliver(token, 'origin')
          } else if (step.value !== 'eos') return step.value as GenerateEnd
          const forced = yield* this.forceAtOrigin(!token)
          if (!token && !forced) return this.#mayEnd ? 'eos' : yield* this.#refused()
          if (steering?.ended?.()) return 'eos'
          if (!forced && token === step.value && grammar === steering?.grammar?.()) {
            next = open.next()
            continue
          }
        }
        open.close()
        open = yield* this.openAgain()
        if (!open) return undefined
        if (origin !== undefined) this.#why.origin = 'asked-anew'
        origin = undefined
        grammar = steering?.grammar?.()
        next = open.first
      }
    } finally {
      open?.close()
    }
  }

  /** undefined: something has to be forced first. Of the long waits only, since all of them would add to what waits. */
  async #orHurried<Value>(wait: Promise<Value>): Promise<Value | undefined> {
    const hurried = this.#toldHurried ? undefined : this.#options.steering?.hurried
    if (!hurried) return wait
    return Promise.race([
      wait,
      hurried.then(() => {
        this.#toldHurried = true
        return undefined
      }),
    ])
  }

  /** Text that has no ids, cut behind a tag at which a grammar may open: what follows is asked for anew. */
  #upToTag(token: OriginToken): OriginToken {
    if ('id' in token) return token
    const before = this.#tail
    const text = before + token.text
    const ends = (this.#options.steering?.grammarTags ?? [])
      .map((tag) => text.indexOf(tag, Math.max(0, before.length - tag.length + 1)) + tag.length)
      .filter((end) => end > before.length)
    return ends.length > 0 && Math.min(...ends) < text.length
      ? { ...token, text: text.slice(before.length, Math.min(...ends)) }
      : token
  }

  /** Ends with a request to read on from, the end of the answer, or undefined to start again from what was delivered. */
  async *fromEdge(): AsyncGenerator<Delivery, OpenRequest | GenerateEnd | undefined> {
    const { budget, origins, request, steering } = this.#options
    await this.edgeStopped
    const run = this.#startEdge()
    const switchover = new Switchover(run, origins, budget)
    try {
      for (;;) {
        if (request.signal.aborted || run.end === 'aborted') return 'aborted'
        const failure = switchover.takeFailure()
        if (failure) yield* this.#failed(failure)
        if (switchover.mayDeliver) {
          // Drawn from all tokens, and anew from those that are allowed: together as if drawn from these at once.
          if (run.wentOnAhead && !this.#allows(run.made[run.taken])) return this.openIfPossible()
          yield this.#deliver(run.take(), 'edge')
          switchover.delivered()
          if (steering?.leavesEdge?.()) {
            this.#why.origin = 'loop'
            const request = this.openIfPossible()
            if (request) return request
          }
          if (run.wentOnAhead && (yield* this.force('edge'))) return this.openIfPossible()
          // What was made ahead was held to nothing.
          if ((run.wentOnAhead || run.isAhead) && this.#grammarIsOpen) return this.openIfPossible()
          continue
        }
        if (run.end && run.taken === run.made.length) {
          return run.end === 'eos' && !this.#mayEnd ? this.openIfPossible() : run.end
        }
        switch (switchover.phase) {
          case 'answered':
            this.#log('handover', { tokens: this.#history.length, requests: switchover.requests })
            return switchover.takeRequest()
          case 'reserveFull':
          case 'dry':
            if (this.#ask(switchover, run)) continue
            break
          case 'leadSpent':
            this.#why.origin = switchover.cause
            if (yield* this.force('edge')) return this.openIfPossible()
            if (!this.#grammarIsOpen) run.runAhead()
            else if (this.#mayAsk) return this.open([])
        }
        if (!switchover.isLate) {
          await switchover.change(request.signal)
          continue
        }
        yield* this.#moving()
        const changed = await this.#orHurried(switchover.change(request.signal).then(() => true))
        if (!changed && (yield* this.force('edge'))) return this.openIfPossible()
      }
    } finally {
      switchover.close()
      this.edgeStopped = run.stop()
      // An error is for those who await it.
      this.edgeStopped.catch(() => {})
    }
  }

  /** Asks the origins to go on from all that the edge has made. false: they take text, and a character is not whole yet. */
  #ask(switchover: Switchover, run: EdgeRun): boolean {
    const undelivered = run.made.slice(run.taken)
    if (this.#options.origins.takeTextOnly && this.#history.with(undelivered).text() === undefined) return false
    switchover.asked(this.open(undelivered, run.made.length))
    return true
  }

  #startEdge(): EdgeRun {
    const { edge, request, steering } = this.#options
    const history = this.#history.with([])
    // Ahead of what was delivered nobody knows what to force, and which grammar is open: then it is seen to at delivery.
    const edgeSteering = steering && {
      forced: () => (run.computesAhead ? [] : steering.forced()),
      banned: () => steering.banned(),
      allowed: () => (run.computesAhead ? undefined : steering.allowed?.()),
      ended: () => !run.computesAhead && (steering.ended?.() ?? false),
    }
    const run: EdgeRun = new EdgeRun((signal) => edge(history, this.#left, signal, edgeSteering), request.signal)
    return run
  }

  /** A request for what follows all that was delivered. */
  openIfPossible(): OpenRequest | undefined {
    return this.#options.origins.available && this.#mayAsk ? this.open([]) : undefined
  }

  /** As `openIfPossible`, where an origin was to go on. */
  *openAgain(): Generator<Notice, OpenRequest | undefined> {
    const request = this.openIfPossible()
    if (!request) yield* this.#recovered(this.#options.origins.available ? 'grammar' : 'origin-failed')
    return request
  }

  get #grammarIsOpen(): boolean {
    return this.#options.steering?.grammar?.() !== undefined
  }

  /** Whether an origin can hold to the grammar that is open. */
  get #mayAsk(): boolean {
    const { origins, request, steering } = this.#options
    const grammar = steering?.grammar?.()
    if (!grammar) return true
    const { sampling, stopRules, topLogprobs } = request
    const demands = { sampling, stopRules, topLogprobs, begun: this.#history.length > 0, grammar: true, hasText: true }
    return origins.unsupported(demands) === undefined && grammar.rest('xgrammar') !== undefined
  }

  get #left(): number {
    return this.#options.request.maxTokens - (this.#history.length - this.#options.request.history.length)
  }

  #deliver(token: OriginToken, source: Source): SourcedToken {
    this.#history.push(token)
    this.#tail = 'text' in token ? (this.#tail + token.text).slice(-LONGEST_TAG) : ''
    this.#source = source
    this.#toldMoving = false
    if (source === 'edge') return { ...token, source, reason: this.#why.edge }
    this.#origin = token.origin ?? this.#origin
    return { ...token, origin: this.#origin, source, reason: this.#why.origin }
  }

  *#moving(): Generator<Notice> {
    if (this.#toldMoving) return
    this.#toldMoving = true
    yield { type: 'moving' }
  }

  /** The edge goes on: told where an origin was there before it, or is waited for. */
  *#recovered(reason: SourceReason): Generator<Notice, undefined> {
    this.#why.edge = reason
    if (this.#source !== 'origin' && !this.#toldMoving) return
    this.#toldMoving = false
    yield { type: 'recovered', reason }
  }

  /** Puts in what has to be forced now. Whether there was anything: then what follows has to begin anew. */
  *force(source: Source): Generator<SourcedToken, boolean> {
    const ids = (this.#options.steering?.forced() ?? []).slice(0, this.#left)
    for (const id of ids) yield this.#deliver({ id, logprobs: undefined }, source)
    return ids.length > 0
  }

  /** As `force`, and what an origin cannot be left to choose. */
  *forceAtOrigin(ended = false): Generator<SourcedToken, boolean> {
    const forced = yield* this.force('origin')
    const ids = (this.#options.steering?.forcedAtOrigin?.(ended && !forced) ?? []).slice(0, this.#left)
    for (const id of ids) yield this.#deliver({ id, logprobs: undefined }, 'origin')
    return forced || ids.length > 0
  }

  #allows(token: HistoryToken): boolean {
    const { steering } = this.#options
    if ('text' in token) return steering?.allowsText?.(token.text) ?? true
    const mask = steering?.allowed?.()
    return !mask || has(mask, token.id)
  }

  get #mayEnd(): boolean {
    const { steering, request } = this.#options
    const mask = steering?.allowed?.()
    return !mask || request.eosIds.some((id) => has(mask, id))
  }

  /** An origin that goes on as the answer must not: the edge can be held to it. */
  *#refused(): Generator<Notice, undefined> {
    this.#log('origin_refused', { tokens: this.#history.length })
    yield* this.#recovered('origin-refused')
  }

  *#failed({ message, failures }: AllOriginsFailedError): Generator<Notice, undefined> {
    this.#log('origins_failed', { tokens: this.#history.length, codes: failures.map(({ code }) => code), message })
    yield* this.#recovered('origin-failed')
  }

  #log(event: string, fields: object): void {
    this.#options.log({ event, ...fields })
  }
}

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

import type { GeneratedToken, GenerateEnd, Steering } from '../generate/types.ts'
import type { AllOriginsFailedError } from '../origin/errors.ts'
import type { History, HistoryToken } from '../origin/history.ts'
import type { ContinueRequest } from '../origin/origin.ts'
import type { Origins } from '../origin/origins.ts'
import { EdgeRun } from './edge-run.ts'
import type { EdgeBudget } from './limits.ts'
import { OpenRequest } from './open-request.ts'
import { Switchover } from './switchover.ts'

export interface HandoverOptions {
  readonly origins: Pick<Origins, 'continueAtOrigin' | 'available' | 'firstTokenMs' | 'takeTextOnly'>
  /** Where the first token comes from. */
  readonly start: 'edge' | 'origin'
  /** The edge's tokens after a history: `generate` from its ids. */
  readonly edge: (
    history: History,
    maxTokens: number,
    signal: AbortSignal,
    steering: Steering | undefined,
  ) => AsyncGenerator<GeneratedToken, GenerateEnd>
  readonly budget: EdgeBudget
  /** `history`: the prompt alone. */
  readonly request: Omit<ContinueRequest, 'bannedIds'>
  /** Asked about the tokens that were delivered, not about those that are held back. */
  readonly steering: Steering | undefined
  readonly log: (entry: { readonly event: string; readonly [field: string]: unknown }) => void
}

export type SourcedToken = HistoryToken & { readonly source: 'edge' | 'origin' }

/** As `generate`, for an answer that may move between the edge and the origins any number of times. */
export async function* handover(options: HandoverOptions): AsyncGenerator<SourcedToken, GenerateEnd> {
  const joined = new Joined(options)
  let request: OpenRequest | undefined
  if (options.start === 'origin') {
    yield* joined.force('origin')
    request = joined.open([])
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

type Source = SourcedToken['source']

class Joined {
  readonly #options: HandoverOptions
  readonly #history: History
  /** Resolves when the edge computes nothing any more: it may be at a token that nobody waits for. */
  edgeStopped: Promise<void> = Promise.resolve()

  constructor(options: HandoverOptions) {
    this.#options = options
    this.#history = options.request.history.with([])
  }

  /** Asks the origins to go on from all that was delivered and these tokens, the last of `snapshot` of the edge's run. */
  open(undelivered: readonly GeneratedToken[], snapshot = 0): OpenRequest {
    const { origins, request, steering } = this.#options
    const history = this.#history.with(undelivered)
    const maxTokens = this.#left - undelivered.length
    const bannedIds = steering?.banned() ?? []
    const start = (signal: AbortSignal) =>
      origins.continueAtOrigin({ ...request, history, maxTokens, bannedIds, signal })
    return new OpenRequest(start, request.signal, snapshot)
  }

  /** undefined: the origins failed, and the edge has to go on. */
  async *fromOrigin(request: OpenRequest): AsyncGenerator<SourcedToken, GenerateEnd | undefined> {
    let open = request
    try {
      for (let next = open.first; ; ) {
        const step = await next
        if ('failure' in step) return this.#failed(step.failure)
        if (step.done) return step.value
        yield this.#deliver(step.value, 'origin')
        if (yield* this.force('origin')) {
          open.close()
          open = this.open([])
          next = open.first
        } else {
          next = open.next()
        }
      }
    } finally {
      open.close()
    }
  }

  /** Ends with a request to read on from, the end of the answer, or undefined to start again from what was delivered. */
  async *fromEdge(): AsyncGenerator<SourcedToken, OpenRequest | GenerateEnd | undefined> {
    const { budget, origins, request } = this.#options
    await this.edgeStopped
    const run = this.#startEdge()
    const switchover = new Switchover(run, origins, budget)
    try {
      for (;;) {
        if (request.signal.aborted || run.end === 'aborted') return 'aborted'
        const failure = switchover.takeFailure()
        if (failure) this.#failed(failure)
        if (switchover.mayDeliver) {
          yield this.#deliver(run.take(), 'edge')
          switchover.delivered()
          if (run.wentOnAhead && (yield* this.force('edge'))) return this.#openIfAvailable()
          continue
        }
        if (run.end && run.taken === run.made.length) return run.end
        switch (switchover.phase) {
          case 'answered':
            this.#log('handover', { tokens: this.#history.length, requests: switchover.requests })
            return switchover.takeRequest()
          case 'reserveFull':
          case 'dry':
            if (this.#ask(switchover, run)) continue
            break
          case 'leadSpent':
            if (yield* this.force('edge')) return this.#openIfAvailable()
            run.runAhead()
        }
        await switchover.change(request.signal)
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
    // Ahead of what was delivered nobody knows what to force: then it is forced at delivery.
    const edgeSteering = steering && {
      forced: () => (run.isAhead ? [] : steering.forced()),
      banned: () => steering.banned(),
    }
    const run: EdgeRun = new EdgeRun((signal) => edge(history, this.#left, signal, edgeSteering), request.signal)
    return run
  }

  #openIfAvailable(): OpenRequest | undefined {
    return this.#options.origins.available ? this.open([]) : undefined
  }

  get #left(): number {
    return this.#options.request.maxTokens - (this.#history.length - this.#options.request.history.length)
  }

  #deliver<Token extends HistoryToken>(token: Token, source: Source): Token & { source: Source } {
    this.#history.push(token)
    return { ...token, source }
  }

  /** Puts in what has to be forced now. Whether there was anything: then what follows has to begin anew. */
  *force(source: Source): Generator<SourcedToken, boolean> {
    const ids = (this.#options.steering?.forced() ?? []).slice(0, this.#left)
    for (const id of ids) yield this.#deliver({ id, logprobs: undefined }, source)
    return ids.length > 0
  }

  #failed({ message, failures }: AllOriginsFailedError): undefined {
    this.#log('origins_failed', { tokens: this.#history.length, codes: failures.map(({ code }) => code), message })
  }

  #log(event: string, fields: object): void {
    this.#options.log({ event, ...fields })
  }
}

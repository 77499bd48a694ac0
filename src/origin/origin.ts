import type { GenerateEnd } from '../generate/types.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { abortable } from './abortable.ts'
import { type Cockatiel, OriginBreaker } from './breaker.ts'
import { checkOrigin, type OriginFacts } from './check-origin.ts'
import type { Complete, CompletionRequest, OriginChunk, OriginClient } from './clients/client.ts'
import { completeText } from './clients/completions-text.ts'
import { clientOf } from './clients/kinds.ts'
import { type ContinueRequest, completionRequest } from './continue-request.ts'
import { OriginError } from './errors.ts'
import { Exchange, type Fetch } from './exchange.ts'
import type { HistoryToken } from './history.ts'
import type { OpenGrammar } from './open-grammar.ts'
import type { OriginConfig } from './origin-config.ts'
import { RequestTimers } from './timers.ts'
import { type Demands, unsupported } from './unsupported.ts'

export type OriginLog = (entry: {
  readonly event: string
  readonly origin: string
  readonly [field: string]: unknown
}) => void

/** What a request waits for its first token, until the first one has been seen, in ms. */
const FIRST_TOKEN_GUESS_MS = 500
/** Of the newest time in the average. */
const FIRST_TOKEN_WEIGHT = 0.3
/** What a 429 without Retry-After means, in ms. */
const RATE_LIMIT_MS = 1000
/** For an origin that does not say how long its context is. */
const DEFAULT_CONTEXT = 32_768

/** What all origins share. */
export interface OriginContext {
  readonly tokenizer: Tokenizer
  readonly fetch: Fetch
  readonly log: OriginLog
  readonly cockatiel: Cockatiel
}

/** How far an attempt has come: until the origin's model is known, its first token is there, and the outcome is. */
type AttemptPhase = 'checking' | 'waiting' | 'delivering' | 'settled'
type AttemptOutcome = 'completed' | 'failed' | 'cancelled'

/** One origin: what is known of it, and its circuit breaker. */
export class Origin {
  readonly config: OriginConfig
  readonly breaker: OriginBreaker
  readonly #client: OriginClient
  readonly #tokenizer: Tokenizer
  readonly #fetch: Fetch
  readonly #log: OriginLog
  #checking: Promise<OriginFacts> | undefined
  #facts: OriginFacts | undefined
  #notBefore = 0
  #firstTokenMs = FIRST_TOKEN_GUESS_MS
  readonly #counts = { attempts: 0, completed: 0, failed: 0, cancelled: 0, tokens: 0 }

  constructor(config: OriginConfig, { tokenizer, fetch, log, cockatiel }: OriginContext) {
    this.config = config
    this.#client = clientOf(config.kind)
    this.#tokenizer = tokenizer
    this.#fetch = fetch
    this.#log = log
    this.breaker = new OriginBreaker(cockatiel, config.name, (change) => {
      log({ event: 'origin_circuit', origin: config.name, ...change })
    })
  }

  /** When an attempt is allowed, as Date.now() counts; Infinity while the circuit is open. */
  get readyAt(): number {
    return this.breaker.allows ? this.#notBefore : Number.POSITIVE_INFINITY
  }

  /** What the first token took lately, in ms. */
  get firstTokenMs(): number {
    return this.#firstTokenMs
  }

  /** What it is asked with: ids, unless it is known that its tokens are not ours. */
  get takes(): 'ids' | 'text' {
    return this.#client.complete && this.#facts?.textOnly === undefined ? 'ids' : 'text'
  }

  /** Why it is asked with text, though its kind takes ids. */
  get #textWarning(): string | undefined {
    return this.#client.complete && this.#facts?.textOnly
  }

  /** Tokens that its context holds, as far as is known. */
  get contextLength(): number {
    return this.#facts?.contextLength ?? DEFAULT_CONTEXT
  }

  unsupported(demands: Demands): string | undefined {
    return unsupported(this.#client, this.takes === 'text', demands)
  }

  health() {
    const { name, kind, url, model } = this.config
    const { state: circuit, lastFailure } = this.breaker
    return {
      name,
      kind,
      host: new URL(url).host,
      model,
      circuit,
      lastFailure: lastFailure ?? null,
      mode: this.#facts ? this.takes : 'not checked yet',
      ...(this.#textWarning !== undefined && { warning: this.#textWarning }),
      contextLength: this.#facts?.contextLength ?? null,
      firstTokenMs: Math.round(this.#firstTokenMs),
      ...this.#counts,
    }
  }

  /**
   * One request to the origin. Returns 'aborted' when the signal aborts. Throws OriginError; what was yielded until then
   * stands. Closing the generator stops the origin.
   */
  async *attempt(request: ContinueRequest): AsyncGenerator<HistoryToken, GenerateEnd> {
    const { name, timers: limits } = this.config
    const trial = this.breaker.begin()
    const timers = new RequestTimers(name, limits, request.signal)
    let chunks: ReturnType<Complete> | undefined
    let phase: AttemptPhase = 'checking'
    let asked = 0
    const settle = (outcome: AttemptOutcome) => {
      if (phase === 'settled') return
      // Whoever gave up waiting knows that it takes longer.
      if (phase === 'waiting') this.#firstToken(Math.max(this.#firstTokenMs, Date.now() - asked))
      phase = 'settled'
      this.#counts[outcome]++
      // What follows a whole answer is still read: then the connection serves the next request.
      if (outcome === 'completed') timers.stop()
      else timers.close()
    }
    this.#counts.attempts++
    try {
      const facts = await abortable(this.check(), timers.signal)
      asked = Date.now()
      phase = 'waiting'
      const exchange = new Exchange(this.config, this.#fetch, timers)
      chunks = this.#complete(exchange, this.#completion(request, facts))
      const end = yield* this.#read(chunks, request, () => {
        exchange.delivered()
        if (phase !== 'waiting') return
        phase = 'delivering'
        this.#firstToken(Date.now() - asked)
        trial.delivers()
      })
      trial.succeeded()
      settle('completed')
      return end
    } catch (error) {
      if (request.signal.aborted) return 'aborted'
      if (!(error instanceof OriginError)) throw error
      settle('failed')
      // Nothing was asked of the origin, so that nothing is known.
      if (error.code !== 'unsupported') trial.failed(error)
      this.#remember(error)
      throw error
    } finally {
      settle('cancelled')
      trial.cancelled()
      await chunks?.return('stop')
    }
  }

  /** Whether the model and the tokenizer are ours: asked once, and anew after a failure. Throws OriginError. */
  check(): Promise<OriginFacts> {
    this.#checking ??= this.#checkOnce().catch((error) => {
      this.#checking = undefined
      throw error
    })
    return this.#checking
  }

  async #checkOnce(): Promise<OriginFacts> {
    const { name, timers: limits } = this.config
    // Of nobody's request: others wait for the result when one client leaves.
    const timers = new RequestTimers(name, limits, new AbortController().signal)
    try {
      this.#facts = await checkOrigin(new Exchange(this.config, this.#fetch, timers), this.#tokenizer)
    } finally {
      timers.close()
    }
    const reason = this.#textWarning
    if (reason !== undefined) this.#log({ event: 'origin_text_mode', origin: name, level: 'warning', reason })
    return this.#facts
  }

  get #complete(): Complete {
    const client = this.#client
    return client.complete && this.takes === 'ids'
      ? client.complete
      : (exchange, request) => completeText(client, exchange, request)
  }

  #completion(request: ContinueRequest, { addedId }: OriginFacts): CompletionRequest {
    const { history, sampling, stopRules, topLogprobs, grammar } = request
    const asked = { sampling, stopRules, topLogprobs, grammar: grammar !== undefined }
    const why = this.unsupported({ ...asked, begun: history.length > 0, hasText: history.hasText })
    if (why !== undefined) throw new OriginError(this.config.name, 'unsupported', why)
    return completionRequest(request, {
      name: this.config.name,
      takes: this.takes,
      dialect: this.#client.dialect ?? 'xgrammar',
      contextLength: this.contextLength,
      addedId,
      tokenizer: this.#tokenizer,
    })
  }

  async *#read(
    chunks: ReturnType<Complete>,
    { eosIds, maxTokens, grammar }: ContinueRequest,
    onChunk: () => void,
  ): AsyncGenerator<HistoryToken, GenerateEnd> {
    let left = maxTokens
    for (;;) {
      const step = await chunks.next()
      onChunk()
      if (step.done) return step.value === 'stop' ? this.#eos(grammar) : 'length'
      for (const token of this.#tokens(step.value)) {
        if ('id' in token && eosIds.includes(token.id)) return this.#eos(grammar)
        if (grammar && 'id' in token && !grammar.allows(token.id)) {
          throw new OriginError(
            this.config.name,
            'grammar_broken',
            `token ${token.id} is none that the grammar allows.`,
          )
        }
        const count = 'id' in token ? 1 : token.count
        this.#counts.tokens += count
        left -= count
        yield token
        // The usage that corrects the count of text comes last.
        if (left <= 0 && 'id' in token) return 'length'
      }
    }
  }

  #eos(grammar: OpenGrammar | undefined): GenerateEnd {
    if (!grammar || grammar.mayEnd) return 'eos'
    throw new OriginError(this.config.name, 'grammar_broken', 'it ended where the grammar goes on.')
  }

  *#tokens(chunk: OriginChunk): Generator<HistoryToken> {
    if ('text' in chunk) return yield chunk
    for (const [index, id] of chunk.ids.entries()) {
      if (id >= this.#tokenizer.vocabSize) {
        throw new OriginError(this.config.name, 'garbage', `${id} is no token id of this model.`)
      }
      yield { id, logprobs: chunk.logprobs?.[index] }
    }
  }

  #firstToken(ms: number): void {
    this.#firstTokenMs += FIRST_TOKEN_WEIGHT * (ms - this.#firstTokenMs)
  }

  #remember(error: OriginError): void {
    const { code, message, retryAfterMs } = error
    const pause = retryAfterMs ?? (code === 'rate_limited' ? RATE_LIMIT_MS : 0)
    this.#notBefore = Math.max(this.#notBefore, Date.now() + pause)
    if (code === 'wrong_model' || code === 'unreachable') this.#checking = undefined
    this.#log({ event: 'origin_failed', origin: this.config.name, level: 'warning', code, message })
  }
}

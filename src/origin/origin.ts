import type { GenerateEnd, SamplingParams } from '../generate/types.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { abortable } from './abortable.ts'
import { type Cockatiel, OriginBreaker } from './breaker.ts'
import { checkOrigin, type OriginFacts } from './check-origin.ts'
import type { CompletionRequest, OriginChunk, OriginClient } from './clients/client.ts'
import { completionsText } from './clients/completions-text.ts'
import { llamaServer } from './clients/llama-server.ts'
import { sglang } from './clients/sglang.ts'
import { vllm } from './clients/vllm.ts'
import { OriginError } from './errors.ts'
import { Exchange, type Fetch } from './exchange.ts'
import type { History, OriginToken } from './history.ts'
import type { OriginConfig, OriginKind } from './origin-config.ts'
import { RequestTimers } from './timers.ts'
import { type Demands, unsupported } from './unsupported.ts'

export interface ContinueRequest {
  /** Prompt and all tokens so far. */
  readonly history: History
  /** Tokens still to come at most. */
  readonly maxTokens: number
  readonly sampling: SamplingParams
  readonly eosIds: readonly number[]
  /** Never to be sampled; an origin that takes text cannot be told. */
  readonly bannedIds: readonly number[]
  readonly topLogprobs: number | undefined
  readonly signal: AbortSignal
}

export type OriginLog = (entry: {
  readonly event: string
  readonly origin: string
  readonly [field: string]: unknown
}) => void

const CLIENTS: Record<OriginKind, OriginClient> = { vllm, sglang, 'llama-server': llamaServer, openai: completionsText }

/** What a request waits for its first token, until the first one has been seen, in ms. */
const FIRST_TOKEN_GUESS_MS = 500
/** Share of the newest time in the average. */
const SMOOTHING = 0.3
/** What a 429 without Retry-After means, in ms. */
const RATE_LIMIT_MS = 1000
/** The least that OpenAI's logit_bias takes. */
const BAN = -100
/** Characters; longer than any added token that a prompt begins with. */
const LONGEST_TOKEN = 64
/** For an origin that does not say how long its context is. */
const DEFAULT_CONTEXT = 32_768

/** What all origins share. */
export interface OriginContext {
  readonly tokenizer: Tokenizer
  readonly fetch: Fetch
  readonly log: OriginLog
  readonly cockatiel: Cockatiel
}

/** One origin: what is known of it, and its circuit breaker. */
export class Origin {
  readonly config: OriginConfig
  readonly breaker: OriginBreaker
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

  get takes(): OriginClient['takes'] {
    return this.#client.takes
  }

  /** Tokens that its context holds, as far as is known. */
  get contextLength(): number {
    return this.#facts?.contextLength ?? DEFAULT_CONTEXT
  }

  unsupported(demands: Demands): string | undefined {
    return unsupported(this.config.kind, this.takes, demands)
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
      ...(this.#facts?.textOnly !== undefined && kind !== 'openai' && { warning: this.#facts.textOnly }),
      contextLength: this.#facts?.contextLength ?? null,
      firstTokenMs: Math.round(this.#firstTokenMs),
      ...this.#counts,
    }
  }

  /**
   * One request to the origin. Returns 'aborted' when the signal aborts. Throws OriginError; what was yielded until then
   * stands. Closing the generator stops the origin.
   */
  async *attempt(request: ContinueRequest): AsyncGenerator<OriginToken, GenerateEnd> {
    const { name, timers: limits } = this.config
    const trial = this.breaker.begin()
    const timers = new RequestTimers(name, limits, request.signal)
    let chunks: ReturnType<OriginClient['complete']> | undefined
    let settled = false
    let ended = false
    let waitingSince: number | undefined
    this.#counts.attempts++
    try {
      const facts = await abortable(this.check(), timers.signal)
      const start = Date.now()
      waitingSince = start
      const exchange = new Exchange(this.config, this.#fetch, timers)
      chunks = this.#client.complete(exchange, this.#completion(request, facts))
      const end = yield* this.#read(chunks, request, (isFirst) => {
        exchange.delivered()
        if (!isFirst) return
        waitingSince = undefined
        this.#firstToken(Date.now() - start)
        trial.delivers()
      })
      trial.succeeded()
      settled = true
      this.#counts.completed++
      await chunks.return('stop')
      timers.stop()
      ended = true
      return end
    } catch (error) {
      if (request.signal.aborted) return 'aborted'
      if (!(error instanceof OriginError)) throw error
      settled = true
      this.#counts.failed++
      // Nothing was asked of the origin, so that nothing is known.
      if (error.code !== 'unsupported') trial.failed(error)
      this.#remember(error)
      throw error
    } finally {
      if (!settled) this.#counts.cancelled++
      // Whoever gave up waiting knows that it takes longer.
      if (waitingSince !== undefined) this.#firstToken(Math.max(this.#firstTokenMs, Date.now() - waitingSince))
      trial.cancelled()
      if (!ended) timers.close()
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
    const { name, kind, timers: limits } = this.config
    // Of nobody's request: others wait for the result when one client leaves.
    const timers = new RequestTimers(name, limits, new AbortController().signal)
    try {
      this.#facts = await checkOrigin(new Exchange(this.config, this.#fetch, timers), this.#tokenizer)
    } finally {
      timers.close()
    }
    const { textOnly } = this.#facts
    if (textOnly !== undefined && kind !== 'openai') {
      this.#log({ event: 'origin_text_mode', origin: name, level: 'warning', reason: textOnly })
    }
    return this.#facts
  }

  get #client(): OriginClient {
    return this.#facts?.textOnly === undefined ? CLIENTS[this.config.kind] : completionsText
  }

  #completion(
    { history, sampling, topLogprobs, maxTokens, bannedIds }: ContinueRequest,
    { addedId }: OriginFacts,
  ): CompletionRequest {
    const { name } = this.config
    const why = this.unsupported({ sampling, topLogprobs, begun: history.length > 0, hasText: history.hasText })
    if (why !== undefined) throw new OriginError(name, 'unsupported', why)
    const text = this.takes === 'text' ? history.text() : ''
    if (text === undefined)
      throw new OriginError(name, 'unsupported', 'it takes text, and no text says yet what the tokens do.')
    const promptIds = history.ids()
    const room = this.contextLength - promptIds.length
    if (room <= 0) {
      throw new OriginError(
        name,
        'context_exceeded',
        `${promptIds.length} tokens do not fit into ${this.contextLength}.`,
      )
    }
    const beginsWith = this.#tokenizer.encode(text.slice(0, LONGEST_TOKEN))[0]
    const bans = this.takes === 'ids' ? bannedIds.map((id): [number, number] => [id, BAN]) : []
    // Each part of an answer takes other random numbers.
    const seed = sampling.seed === undefined ? undefined : seedOfPart(sampling.seed, history.length)
    return {
      promptIds,
      text: beginsWith === addedId ? this.#withoutFirstToken(text, addedId) : text,
      textIsWhole: beginsWith === promptIds[0],
      maxTokens: Math.min(maxTokens, room),
      sampling: { ...sampling, seed, logitBias: new Map([...sampling.logitBias, ...bans]) },
      topLogprobs,
      tokenizer: this.#tokenizer,
    }
  }

  /** An added token's text, at the start of a prompt. */
  #withoutFirstToken(text: string, id: number | undefined): string {
    for (let length = 1; length <= LONGEST_TOKEN; length++) {
      if (id !== undefined && this.#tokenizer.addedToken(text.slice(0, length)) === id) return text.slice(length)
    }
    return text
  }

  async *#read(
    chunks: ReturnType<OriginClient['complete']>,
    { eosIds, maxTokens }: ContinueRequest,
    onChunk: (isFirst: boolean) => void,
  ): AsyncGenerator<OriginToken, GenerateEnd> {
    let left = maxTokens
    for (let step = await chunks.next(), first = true; ; step = await chunks.next(), first = false) {
      onChunk(first)
      if (step.done) return step.value === 'stop' ? 'eos' : 'length'
      for (const token of this.#tokens(step.value)) {
        if ('id' in token && eosIds.includes(token.id)) return 'eos'
        const count = 'id' in token ? 1 : token.count
        this.#counts.tokens += count
        left -= count
        yield token
        // The usage that corrects the count of text comes last.
        if (left <= 0 && 'id' in token) return 'length'
      }
    }
  }

  *#tokens(chunk: OriginChunk): Generator<OriginToken> {
    if ('text' in chunk) return yield chunk
    for (const [index, id] of chunk.ids.entries()) {
      if (id >= this.#tokenizer.vocabSize) {
        throw new OriginError(this.config.name, 'garbage', `${id} is no token id of this model.`)
      }
      yield { id, logprobs: chunk.logprobs?.[index] }
    }
  }

  #firstToken(ms: number): void {
    this.#firstTokenMs += SMOOTHING * (ms - this.#firstTokenMs)
  }

  #remember(error: OriginError): void {
    const { code, message, retryAfterMs } = error
    const pause = retryAfterMs ?? (code === 'rate_limited' ? RATE_LIMIT_MS : 0)
    this.#notBefore = Math.max(this.#notBefore, Date.now() + pause)
    if (code === 'wrong_model' || code === 'unreachable') this.#checking = undefined
    this.#log({ event: 'origin_failed', origin: this.config.name, level: 'warning', code, message })
  }
}

/** Below 2^31 and no negative number, which some servers take for "any". */
function seedOfPart(seed: number, part: number): number {
  const range = 2 ** 31
  return ((((seed % range) + part) % range) + range) % range
}

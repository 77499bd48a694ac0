import type { GeneratedToken, GenerateEnd } from '../generate/types.ts'

/** Of the newest interval in the average. */
const INTERVAL_WEIGHT = 0.2
/** Tokens; a client that does not read must not make the edge compute all of its answer. */
const MAX_AHEAD = 256

/** A generation at the edge that computes on demand, or ahead of who takes its tokens. */
export class EdgeRun {
  readonly #generator: AsyncGenerator<GeneratedToken, GenerateEnd>
  readonly #abort = new AbortController()
  readonly #tokens: GeneratedToken[] = []
  /** Computations that began while running ahead, by the index of their token. */
  readonly #begunAhead = new Set<number>()
  #taken = 0
  #end: GenerateEnd | undefined
  #failure: { readonly error: unknown } | undefined
  #step: Promise<void> | undefined
  #ahead = false
  #interval: number | undefined

  /** `start` gets a signal that aborts with the outer one, and when the run is stopped. */
  constructor(start: (signal: AbortSignal) => AsyncGenerator<GeneratedToken, GenerateEnd>, outer: AbortSignal) {
    this.#generator = start(AbortSignal.any([outer, this.#abort.signal]))
  }

  /** All tokens so far. */
  get made(): readonly GeneratedToken[] {
    return this.#tokens
  }

  get taken(): number {
    return this.#taken
  }

  get end(): GenerateEnd | undefined {
    return this.#end
  }

  get isAhead(): boolean {
    return this.#ahead
  }

  /** What a token took lately, in ms; undefined before the second one. */
  get intervalMs(): number | undefined {
    return this.#interval
  }

  /** Whether the token in computation was begun ahead: then nobody knows yet what the tokens before it come to. */
  get computesAhead(): boolean {
    return this.#begunAhead.has(this.#tokens.length)
  }

  /** Whether the computation of the token after the last taken one began ahead, before that one was taken. */
  get wentOnAhead(): boolean {
    return this.#begunAhead.has(this.#taken)
  }

  /** The next token, which must have been made. */
  take(): GeneratedToken {
    const token = this.#tokens[this.#taken++]
    this.#goOn()
    return token
  }

  /** Computes one more token; resolves when it or the end is there. Rejects with what the generation threw. */
  async next(): Promise<void> {
    if (!this.#failure) this.#step ??= this.#compute()
    await this.#step
    if (this.#failure) throw this.#failure.error
  }

  runAhead(): void {
    this.#ahead = true
    this.#goOn()
  }

  runOnDemand(): void {
    this.#ahead = false
  }

  /** Ends the computation within one token. */
  async stop(): Promise<void> {
    this.#ahead = false
    this.#abort.abort()
    await this.#step
    await this.#generator.return('aborted')
  }

  #goOn(): void {
    const full = this.#tokens.length - this.#taken >= MAX_AHEAD
    if (this.#ahead && !full && !this.#end && !this.#failure) this.#step ??= this.#compute()
  }

  async #compute(): Promise<void> {
    if (this.#ahead) this.#begunAhead.add(this.#tokens.length)
    const start = Date.now()
    try {
      const step = await this.#generator.next()
      if (step.done) this.#end = step.value
      else {
        // The first token's time is that of the prompt.
        if (this.#tokens.length > 0) this.#measure(Date.now() - start)
        this.#tokens.push(step.value)
      }
    } catch (error) {
      this.#failure = { error }
    }
    this.#step = undefined
    this.#goOn()
  }

  #measure(ms: number): void {
    this.#interval = this.#interval === undefined ? ms : this.#interval + INTERVAL_WEIGHT * (ms - this.#interval)
  }
}

import type { GenerationQueue } from '../generate/queue.ts'
import { parseOrigins } from '../origin/origin-config.ts'
import { type Origins, openOrigins } from '../origin/origins.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { logLine, OriginJournal } from './journal.ts'
import { readEdgeLimits } from './limits.ts'
import type { ChatService } from './service.ts'

type Env = Readonly<Record<string, unknown>>

/** What the Worker's variables and secrets make of a queue: the service of its answers, opened once within a handler. */
export class EdgeService {
  readonly #env: Env
  readonly #queue: GenerationQueue
  readonly #journal = new OriginJournal()
  #opening: Promise<ChatService> | undefined
  #origins: Origins | undefined
  #failure: unknown

  constructor(env: Env, queue: GenerationQueue) {
    this.#env = env
    this.#queue = queue
  }

  /** Rejects with OriginConfigError and EdgeLimitsError; the next call tries again. */
  open(tokenizer: Tokenizer): Promise<ChatService> {
    this.#opening ??= this.#openOnce(tokenizer).catch((error) => {
      this.#opening = undefined
      this.#failure = error
      throw error
    })
    return this.#opening
  }

  async #openOnce(tokenizer: Tokenizer): Promise<ChatService> {
    const limits = readEdgeLimits(this.#env)
    const configs = parseOrigins(this.#env.ORIGINS, this.#env)
    const origins = await openOrigins(configs, { tokenizer, log: this.#journal.log })
    this.#origins = origins
    this.#failure = undefined
    // Not awaited: whoever comes first need not wait for an origin that it may never ask.
    origins.check()
    return { origins, limits, queue: this.#queue, log: logLine }
  }

  /** For GET /healthz: what is wrong with the variables, and the origins once they are open. */
  health() {
    return {
      ...(this.#failure !== undefined && { error: String(this.#failure) }),
      running: this.#queue.running,
      waiting: this.#queue.waiting,
      origins: this.#origins?.health().map((origin) => ({ ...origin, changes: this.#journal.changesOf(origin.name) })),
    }
  }
}

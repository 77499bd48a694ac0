/** Callers that may wait at once; the next one is refused. */
export const MAX_WAITING = 16
/** Waiting places of one client: the others' are left to the others. */
export const MAX_WAITING_OF_CLIENT = 8

/** Seconds after which a refused client is asked to come back. */
const RETRY_AFTER_SECONDS = 10

export class QueueFullError extends Error {
  readonly code = 'queue_full'
  readonly retryAfterSeconds = RETRY_AFTER_SECONDS

  constructor(waiting: number, whose: string) {
    const others = waiting > 0 ? ` and ${waiting} requests${whose} are waiting already` : ''
    super(`The model is busy${others}. Try again in ${RETRY_AFTER_SECONDS} seconds.`)
    this.name = 'QueueFullError'
  }
}

/** Who asks for a turn. */
export interface Visitor {
  /** Turns and places are shared out fairly among clients. */
  readonly client: string
  /** What it computes is kept for visitors of the same salt only; left out: for all who have none. */
  readonly cacheSalt?: string
  /** Whether anybody reads the answer now: an answer that nobody reads comes after all others. */
  listening(): boolean
}

/** Reads its answer to the end. */
export const ATTENTIVE: Visitor = { client: '', listening: () => true }

/** A place in the queue, and later the turn that it leads to. */
export interface Place {
  /** Resolves when the turn comes; rejects with the signal's reason when that aborts before. */
  readonly turn: Promise<void>
  /** Gives the place or the turn to the next one; calling it twice is harmless. */
  leave(): void
}

interface Waiting {
  readonly visitor: Visitor
  /** The answer has begun: its turn comes before those of answers that have not. */
  readonly begun: boolean
  start(): void
}

/**
 * Lets as many generations compute at a time as there are turns. Among those who wait, whoever has a listener comes first, then an
 * answer that has begun, then the client that holds the fewest turns and was served the longest ago, then who came first.
 */
export class GenerationQueue {
  readonly #maxWaiting: number
  #turns: number
  #free: number
  readonly #waiting: Waiting[] = []
  /** Turns that a client holds, and when it was last given one; of the clients that are here. */
  readonly #held = new Map<string, { turns: number; served: number }>()
  #served = 0

  constructor(turns = 1, maxWaiting = MAX_WAITING) {
    this.#turns = turns
    this.#free = turns
    this.#maxWaiting = maxWaiting
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get running(): number {
    return this.#turns - this.#free
  }

  /** How many compute at a time, where that is known later than the queue is there. */
  set turns(turns: number) {
    this.#free += turns - this.#turns
    this.#turns = turns
    this.#next()
  }

  /** Turns that come before that of a newcomer; 0: it would be served at once. */
  get ahead(): number {
    return this.#free > 0 ? 0 : this.#waiting.length + 1
  }

  /** Somebody waits whose answer is read: one that nobody reads should give its turn away. */
  get wanted(): boolean {
    return this.#waiting.some(({ visitor }) => visitor.listening())
  }

  /** A newcomer's place. Throws QueueFullError. */
  enter(visitor: Visitor, signal: AbortSignal): Place {
    if (this.#free === 0) {
      const own = this.#waiting.filter(({ visitor: { client } }) => client === visitor.client).length
      if (this.#waiting.length >= this.#maxWaiting) throw new QueueFullError(this.#waiting.length, '')
      if (own >= Math.min(MAX_WAITING_OF_CLIENT, this.#maxWaiting)) throw new QueueFullError(own, ' of yours')
    }
    return this.#place(visitor, signal, false)
  }

  /** The place of an answer that has begun: never refused. */
  rejoin(visitor: Visitor, signal: AbortSignal): Place {
    return this.#place(visitor, signal, true)
  }

  #place(visitor: Visitor, signal: AbortSignal, begun: boolean): Place {
    const { promise: turn, resolve, reject } = Promise.withResolvers<void>()
    // Whoever leaves without having waited for the turn need not hear of it.
    turn.catch(() => {})
    let state: 'waiting' | 'served' | 'left' = 'waiting'
    const waiting: Waiting = {
      visitor,
      begun,
      start: () => {
        state = 'served'
        this.#holding(visitor.client, 1)
        resolve()
      },
    }
    const leave = () => {
      signal.removeEventListener('abort', aborted)
      if (state === 'waiting') this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
      if (state === 'served') {
        this.#free++
        this.#holding(visitor.client, -1)
      }
      state = 'left'
      this.#next()
    }
    // A turn that has come is given back by whoever computes in it.
    const aborted = () => {
      if (state !== 'waiting') return
      leave()
      reject(signal.reason)
    }
    this.#waiting.push(waiting)
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted)
    this.#next()
    return { turn, leave }
  }

  // A turn passes on at once, so that a newcomer cannot overtake.
  #next(): void {
    while (this.#free > 0 && this.#waiting.length > 0) {
      const next = this.#waiting.reduce((first, other) => (this.#compare(other, first) < 0 ? other : first))
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      this.#free--
      next.start()
    }
  }

  /** Below 0 where `a` comes before `b`. */
  #compare(a: Waiting, b: Waiting): number {
    const listening = Number(b.visitor.listening()) - Number(a.visitor.listening())
    const begun = Number(b.begun) - Number(a.begun)
    const [ofA, ofB] = [a, b].map(({ visitor }) => this.#held.get(visitor.client) ?? { turns: 0, served: 0 })
    return listening || begun || ofA.turns - ofB.turns || ofA.served - ofB.served
  }

  /** A client takes a turn or gives one back; who holds none and waits for none is forgotten. */
  #holding(client: string, change: 1 | -1): void {
    const { turns, served } = this.#held.get(client) ?? { turns: 0, served: 0 }
    this.#held.set(client, { turns: turns + change, served: change > 0 ? ++this.#served : served })
    for (const [name, { turns }] of this.#held) {
      if (turns === 0 && !this.#waiting.some(({ visitor }) => visitor.client === name)) this.#held.delete(name)
    }
  }
}

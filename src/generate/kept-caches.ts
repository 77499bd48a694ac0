import type { Sequence } from './language-model.ts'
import { sharedPrefix } from './shared-prefix.ts'

/** What a sequence is to begin with, and who may know of it. */
export interface Beginning {
  readonly ids: readonly number[]
  /** Only sequences of the same salt begin with each other's tokens: the time to the first token tells what somebody else has asked. */
  readonly cacheSalt: string
}

interface KeptCache<Cache> {
  readonly cache: Cache
  /** Whose keys and values are there. */
  tokens: number[]
  salt: string
}

/** A sequence in a cache that is kept. */
export class KeptSequence<Cache> implements Sequence {
  readonly #kept: KeptCache<Cache>
  readonly #giveBack: (kept: KeptCache<Cache>) => void
  #released = false

  constructor(kept: KeptCache<Cache>, giveBack: (kept: KeptCache<Cache>) => void) {
    this.#kept = kept
    this.#giveBack = giveBack
  }

  get cache(): Cache {
    return this.#kept.cache
  }

  /** All that it holds. */
  get tokens(): readonly number[] {
    return this.#kept.tokens
  }

  get length(): number {
    return this.#kept.tokens.length
  }

  /** The cache holds these too. */
  append(tokens: readonly number[]): void {
    this.#kept.tokens.push(...tokens)
  }

  truncate(length: number): void {
    if (length > this.length) throw new RangeError(`cannot truncate a sequence of ${this.length} tokens to ${length}`)
    this.#kept.tokens.length = length
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#giveBack(this.#kept)
  }
}

/** Fewer tokens than this are read again sooner than a cache is copied. */
const LEAST_COPIED = 32

export interface KeptCachesOptions<Cache> {
  /** to <- all that `from` holds; left out: caches cannot be copied. */
  readonly copy?: (to: Cache, from: Cache) => void
  /** No sequence uses it any more. */
  readonly ended?: (cache: Cache) => void
}

/**
 * The KV caches of a model, which keep what they hold when their sequence ends: a new one takes the cache that holds the most of its
 * beginning, or a copy, and otherwise the one that was used the longest ago.
 */
export class KeptCaches<Cache> {
  /** All of them, and those that no sequence uses, the one that was used the longest ago first. */
  readonly #all: readonly KeptCache<Cache>[]
  readonly #free: KeptCache<Cache>[]
  readonly #options: KeptCachesOptions<Cache>
  /** Sequences that began with tokens of another one, and how many tokens these were. */
  readonly reused = { sequences: 0, tokens: 0 }

  constructor(caches: readonly Cache[], options: KeptCachesOptions<Cache> = {}) {
    this.#all = caches.map((cache) => ({ cache, tokens: [], salt: '' }))
    this.#free = [...this.#all]
    this.#options = options
  }

  /** A sequence with the tokens of the beginning that a cache has; without a beginning an empty one. */
  createSequence(beginning?: Beginning): KeptSequence<Cache> {
    if (this.#free.length === 0) {
      throw new Error('every KV cache is in use: admit no more generations at once than there are caches')
    }
    const taken = beginning ? this.#begin(beginning) : this.#empty()
    this.#free.splice(this.#free.indexOf(taken), 1)
    return new KeptSequence(taken, (kept) => this.#giveBack(kept))
  }

  #giveBack(kept: KeptCache<Cache>): void {
    // What holds nothing is worth the least.
    this.#free.splice(kept.tokens.length > 0 ? this.#free.length : 0, 0, kept)
    this.#options.ended?.(kept.cache)
  }

  #empty(): KeptCache<Cache> {
    const [oldest] = this.#free
    oldest.tokens = []
    oldest.salt = ''
    return oldest
  }

  #begin({ ids, cacheSalt }: Beginning): KeptCache<Cache> {
    const { copy } = this.#options
    // Running the last token gives the next.
    const shared = ({ tokens, salt }: KeptCache<Cache>) =>
      salt === cacheSalt ? Math.min(sharedPrefix(tokens, ids), ids.length - 1) : 0
    const best = mostOf(this.#free, shared)
    const most = shared(best)
    const [oldest] = this.#free
    // A chat that goes on, or an answer that is asked for again. Another chat that begins alike keeps its own.
    const goesOn = 2 * most >= best.tokens.length || (!copy && 2 * most >= ids.length)
    const taken = most > 0 && (goesOn || best === oldest) ? best : oldest
    let held = shared(taken)
    const source = mostOf(this.#all, shared)
    if (copy && shared(source) >= held + LEAST_COPIED) {
      held = shared(source)
      copy(taken.cache, source.cache)
      taken.tokens = source.tokens.slice(0, held)
    } else {
      taken.tokens = taken.tokens.slice(0, held)
    }
    taken.salt = cacheSalt
    if (held > 0) this.reused.sequences++
    this.reused.tokens += held
    return taken
  }
}

function mostOf<T>(list: readonly T[], count: (one: T) => number): T {
  return list.reduce((most, one) => (count(one) > count(most) ? one : most))
}

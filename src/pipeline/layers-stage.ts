import type { Arena } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import type { KvCache } from '../model/kv-cache.ts'
import type { Keep, Stage } from '../model/stage.ts'
import { PipelineError } from './pipeline-error.ts'

/**
 * A session that was silent for so long loses its cache to a new one, should all be in use, as one does that has ended; it is computed
 * anew when it comes back.
 */
export const LEASE_MS = 30_000

interface Held {
  readonly cache: KvCache
  /** Tokens whose keys and values the cache has. */
  length: number
  lastUsed: number
}

export interface LayersParts {
  readonly arena: Arena
  readonly stage: Stage
  readonly caches: readonly KvCache[]
  /** (chunkLength, hiddenSize) f32 */
  readonly hidden: Pointer
  readonly hiddenSize: number
  readonly chunkLength: number
}

/** Some layers and the KV caches of all sessions in them. */
export class LayersStage {
  readonly #parts: LayersParts
  readonly #free: KvCache[]
  readonly #sessions = new Map<string, Held>()
  readonly #now: () => number
  #result = new Float32Array()

  constructor(parts: LayersParts, now: () => number = Date.now) {
    this.#parts = parts
    this.#free = [...parts.caches]
    this.#now = now
  }

  /** Sessions that keep their cache whoever asks for one. */
  get sessions(): number {
    const now = this.#now()
    return [...this.#sessions.values()].filter(({ lastUsed }) => now - lastUsed < LEASE_MS).length
  }

  /**
   * Run tokens at `position` and after it through the layers: hidden (count, hiddenSize) f32 in, count at most chunkLength, and
   * out, or of those the last vector only, in an array that the next call writes to again.
   * What the session held from `position` on is forgotten. Throws PipelineError `session_lost` where tokens before it are missing,
   * `no_kv_cache` where a new session finds no room.
   */
  forward(session: string, position: number, hidden: Float32Array, keep: Keep = 'all'): Float32Array<ArrayBuffer> {
    const { arena, stage, hidden: pointer, hiddenSize, chunkLength } = this.#parts
    const count = hidden.length / hiddenSize
    if (!Number.isInteger(count) || count < 1 || count > chunkLength) {
      throw new RangeError(`${hidden.length} floats are no chunk of 1 to ${chunkLength} vectors of ${hiddenSize}`)
    }
    const held = this.#hold(session, position)
    if (position + count > held.cache.capacity) {
      throw new RangeError(`position ${position + count} is behind the ${held.cache.capacity} tokens of a cache`)
    }
    const memory = arena.floats(pointer, hidden.length)
    memory.set(hidden)
    stage.forward(pointer, [{ count, position, cache: held.cache }], keep)
    held.length = position + count
    const result = memory.subarray(0, keep === 'last' ? hiddenSize : hidden.length)
    if (this.#result.length !== result.length) this.#result = new Float32Array(result.length)
    this.#result.set(result)
    return this.#result
  }

  /** Its lease is over. What it holds is there, should it come back before another one takes the cache. */
  release(session: string): void {
    const held = this.#sessions.get(session)
    if (held) held.lastUsed = -Infinity
  }

  #hold(session: string, position: number): Held {
    const now = this.#now()
    let held = this.#sessions.get(session)
    if (position > (held?.length ?? 0)) {
      throw new PipelineError('session_lost', `the stage holds ${held?.length ?? 0} of ${position} tokens`)
    }
    if (held === undefined) {
      const cache = this.#free.pop() ?? this.#evict(now)
      held = { cache, length: 0, lastUsed: now }
      this.#sessions.set(session, held)
    }
    held.lastUsed = now
    return held
  }

  #evict(now: number): KvCache {
    const [session, { cache, lastUsed }] = [...this.#sessions].reduce((a, b) => (b[1].lastUsed < a[1].lastUsed ? b : a))
    if (now - lastUsed < LEASE_MS) {
      throw new PipelineError('no_kv_cache', 'every KV cache is in use')
    }
    this.#sessions.delete(session)
    return cache
  }
}

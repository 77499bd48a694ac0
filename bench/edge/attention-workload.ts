import { Arena, CountingArena } from '../../src/model/arena.ts'
import { instantiateKernels, type KernelModules, type Kernels, type Pointer } from '../../src/model/kernels.ts'

/** Nanbeige4-3B's. */
const HEADS = 20
const KV_HEADS = 4
const HEAD_DIM = 128
export const MOST_POSITIONS = 16384
/** Caches to walk through: past any cache of the processor from 2,048 positions on. */
const CACHES = 16
const MOST_TOKENS = 32

export interface AttentionRun {
  /** Positions that the last token sees. */
  readonly positions: number
  readonly tokens: number
  /** Layers, each with a cache of its own. */
  readonly layers: number
}

/** Attention alone, over caches that hold something everywhere, in any runtime. */
export class AttentionWorkload {
  readonly #kernels: Kernels
  readonly #queries: Pointer
  readonly #out: Pointer
  readonly #scratch: Pointer
  readonly #caches: readonly { keys: Pointer; values: Pointer }[]

  private constructor(arena: Arena, kernels: Kernels) {
    this.#kernels = kernels
    const size = MOST_TOKENS * HEADS * HEAD_DIM
    this.#queries = arena.allocate(size * 4)
    this.#out = arena.allocate(size * 4)
    this.#scratch = arena.allocate(kernels.attendScratchBytes(MOST_TOKENS, HEAD_DIM, HEADS / KV_HEADS))
    this.#caches = Array.from({ length: CACHES }, () => ({
      keys: arena.allocate(kernels.keyBytes(KV_HEADS, MOST_POSITIONS, HEAD_DIM)),
      values: arena.allocate(kernels.valueBytes(KV_HEADS, MOST_POSITIONS, HEAD_DIM)),
    }))
  }

  static async create(modules: KernelModules): Promise<AttentionWorkload> {
    const counted = new CountingArena()
    new AttentionWorkload(counted, await instantiateKernels(modules, counted.memory))
    const arena = new Arena(counted.total)
    const workload = new AttentionWorkload(arena, await instantiateKernels(modules, arena.memory))
    workload.#fill(arena)
    return workload
  }

  #fill(arena: Arena): void {
    arena.floats(this.#queries, MOST_TOKENS * HEADS * HEAD_DIM).forEach((_, i, queries) => {
      queries[i] = Math.sin(i * 12.9898) * 2
    })
    const vector = arena.floats(this.#out, KV_HEADS * HEAD_DIM)
    this.#caches.forEach(({ keys, values }, layer) => {
      for (let position = 0; position < MOST_POSITIONS; position++) {
        // Another one every sixteen positions: the sines are what takes time.
        if (position % 16 === 0)
          for (let i = 0; i < vector.length; i++) vector[i] = Math.sin(i * 1.7 + position + layer)
        for (const [store, cache] of [
          [this.#kernels.storeKey, keys],
          [this.#kernels.storeValue, values],
        ] as const) {
          store(cache, this.#out, position, KV_HEADS, MOST_POSITIONS, HEAD_DIM)
        }
      }
    })
  }

  /** Bytes of the cache of one layer that hold so many positions. */
  static cacheBytes(positions: number): number {
    return KV_HEADS * positions * (2 * HEAD_DIM + 12)
  }

  run({ positions, tokens, layers }: AttentionRun): void {
    for (let i = 0; i < layers; i++) {
      const { keys, values } = this.#caches[i % CACHES]
      this.#kernels.attend(
        this.#out,
        this.#queries,
        keys,
        values,
        this.#scratch,
        positions - tokens,
        tokens,
        HEADS,
        KV_HEADS,
        MOST_POSITIONS,
        HEAD_DIM,
      )
    }
  }
}

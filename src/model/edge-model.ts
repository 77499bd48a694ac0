import type { Distribution, DistributionQuery } from '../generate/distribution.ts'
import { type Beginning, KeptCaches, type KeptSequence } from '../generate/kept-caches.ts'
import type { LanguageModel } from '../generate/language-model.ts'
import { turn } from '../generate/turn.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { Arena } from './arena.ts'
import type { Head } from './head.ts'
import type { Kernels, Pointer } from './kernels.ts'
import { copyKvCache, type KvCache } from './kv-cache.ts'
import type { Matrix } from './matrix.ts'
import type { Stage } from './stage.ts'

/** Room for one sequence: its KV cache and (hiddenSize) f32 for the hidden vector of its last token. */
export interface Slot {
  readonly cache: KvCache
  readonly last: Pointer
}

/** A model in one isolate: embedding, one stage with all the layers, and the head, over one Wasm memory. */
export interface EdgeParts {
  readonly arena: Arena
  readonly kernels: Kernels
  readonly config: ModelConfig
  readonly embedding: Matrix
  readonly stage: Stage
  readonly head: Head
  readonly slots: readonly Slot[]
  /** (chunkLength, hiddenSize) f32 */
  readonly hidden: Pointer
  readonly chunkLength: number
}

type EdgeSequence = KeptSequence<Slot>

export class EdgeModel implements LanguageModel {
  readonly vocabSize: number
  readonly contextLength: number
  /** Tokens run forward so far, of prompts and answers of all sequences. */
  tokensComputed = 0
  readonly #parts: EdgeParts
  readonly #caches: KeptCaches<Slot>

  constructor(parts: EdgeParts) {
    this.#parts = parts
    const { arena, kernels, config, slots } = parts
    this.#caches = new KeptCaches(slots, {
      copy: (to, from) => copyKvCache(arena, kernels, config, to.cache, from.cache),
    })
    this.vocabSize = config.vocabSize
    this.contextLength = slots[0].cache.capacity
  }

  /** KV caches: sequences that can be at once. */
  get caches(): number {
    return this.#parts.slots.length
  }

  /** Tokens of prompts that were not computed, since a cache had them, and of how many prompts. */
  get reused(): { readonly sequences: number; readonly tokens: number } {
    return this.#caches.reused
  }

  createSequence(beginning?: Beginning): EdgeSequence {
    return this.#caches.createSequence(beginning)
  }

  async forward(sequence: EdgeSequence, tokens: readonly number[], signal: AbortSignal): Promise<void> {
    const { chunkLength } = this.#parts
    for (let start = 0; start < tokens.length; start += chunkLength) {
      await turn()
      if (signal.aborted) return
      this.#forward(sequence, tokens.slice(start, start + chunkLength))
    }
  }

  #forward(sequence: EdgeSequence, tokens: readonly number[]): void {
    const { arena, kernels, config, embedding, stage, hidden } = this.#parts
    const { cols, planes, groupSize, zeroPoint, hasMin } = embedding
    const bytes = config.hiddenSize * 4
    tokens.forEach((token, i) => {
      kernels.embeddingRow(hidden + i * bytes, embedding.pointer, token, cols, planes, groupSize, zeroPoint, hasMin)
    })
    stage.forward(hidden, tokens.length, sequence.length, sequence.cache.cache, 'last')
    sequence.append(tokens)
    this.tokensComputed += tokens.length
    arena.bytes(sequence.cache.last, bytes).set(arena.bytes(hidden + (tokens.length - 1) * bytes, bytes))
  }

  async distribution(sequence: EdgeSequence, query: DistributionQuery): Promise<Distribution> {
    return this.#parts.head.distribution(sequence.cache.last, query)
  }
}

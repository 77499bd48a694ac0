import type { Distribution, DistributionQuery } from '../generate/distribution.ts'
import type { LanguageModel, Sequence } from '../generate/language-model.ts'
import { turn } from '../generate/turn.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { Arena } from './arena.ts'
import type { Head } from './head.ts'
import type { Kernels, Pointer } from './kernels.ts'
import type { KvCache } from './kv-cache.ts'
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

class EdgeSequence implements Sequence {
  length = 0
  readonly slot: Slot
  readonly #giveBack: (slot: Slot) => void
  #released = false

  constructor(slot: Slot, giveBack: (slot: Slot) => void) {
    this.slot = slot
    this.#giveBack = giveBack
  }

  truncate(length: number): void {
    if (length > this.length) throw new RangeError(`cannot truncate a sequence of ${this.length} tokens to ${length}`)
    this.length = length
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#giveBack(this.slot)
  }
}

export class EdgeModel implements LanguageModel {
  readonly vocabSize: number
  readonly contextLength: number
  /** Tokens run forward so far, of prompts and answers of all sequences. */
  tokensComputed = 0
  readonly #parts: EdgeParts
  readonly #free: Slot[]

  constructor(parts: EdgeParts) {
    this.#parts = parts
    this.#free = [...parts.slots]
    this.vocabSize = parts.config.vocabSize
    this.contextLength = parts.slots[0].cache.capacity
  }

  createSequence(): EdgeSequence {
    const slot = this.#free.pop()
    if (slot === undefined)
      throw new Error('every KV cache is in use: admit no more generations at once than there are slots')
    return new EdgeSequence(slot, (freed) => this.#free.push(freed))
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
    stage.forward(hidden, tokens.length, sequence.length, sequence.slot.cache, 'last')
    sequence.length += tokens.length
    this.tokensComputed += tokens.length
    arena.bytes(sequence.slot.last, bytes).set(arena.bytes(hidden + (tokens.length - 1) * bytes, bytes))
  }

  async distribution(sequence: EdgeSequence, query: DistributionQuery): Promise<Distribution> {
    return this.#parts.head.distribution(sequence.slot.last, query)
  }
}

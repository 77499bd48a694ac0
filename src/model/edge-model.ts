import type { Distribution, DistributionQuery } from '../generate/distribution.ts'
import { type Beginning, KeptCaches, type KeptSequence } from '../generate/kept-caches.ts'
import type { LanguageModel } from '../generate/language-model.ts'
import { type Part, Stepper } from '../generate/stepper.ts'
import { placeOf } from '../weights/bands.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { Arena } from './arena.ts'
import { type Head, logitBytes } from './head.ts'
import type { Kernels, Pointer } from './kernels.ts'
import { copyKvCache, type KvCache } from './kv-cache.ts'
import type { Matrix } from './matrix.ts'
import type { Stage } from './stage.ts'

/** Room for one sequence: its KV cache, (hiddenSize) f32 for the hidden vector of its last token, and (logitBytes) for what follows it. */
export interface Slot {
  readonly cache: KvCache
  readonly last: Pointer
  readonly logits: Pointer
}

/** A model in one isolate: embedding, one stage with all the layers, and the head, over one Wasm memory. */
export interface EdgeParts {
  readonly arena: Arena
  readonly kernels: Kernels
  readonly config: ModelConfig
  /** The bands of the matrix. */
  readonly embedding: readonly Matrix[]
  readonly stage: Stage
  readonly head: Head
  readonly slots: readonly Slot[]
  /** (chunkLength, hiddenSize) f32 */
  readonly hidden: Pointer
  readonly chunkLength: number
  /** (headColumns, logitBytes), where there is more than one. */
  readonly logits: Pointer
  /** Most sequences whose logits are computed at once. */
  readonly headColumns: number
}

type EdgeSequence = KeptSequence<Slot>

export class EdgeModel implements LanguageModel {
  readonly vocabSize: number
  readonly contextLength: number
  /** Tokens run forward so far, of prompts and answers of all sequences. */
  tokensComputed = 0
  /** In so many steps, each with tokens of one sequence or several. */
  steps = 0
  readonly #parts: EdgeParts
  readonly #caches: KeptCaches<Slot>
  readonly #stepper: Stepper<EdgeSequence>
  /** Slots whose last token nobody has asked about yet, those whose logits are there already among them. */
  readonly #unasked = new Set<Slot>()
  readonly #computed = new Set<Slot>()

  constructor(parts: EdgeParts) {
    this.#parts = parts
    const { arena, kernels, config, slots } = parts
    this.#caches = new KeptCaches(slots, {
      copy: (to, from) => copyKvCache(arena, kernels, config, to.cache, from.cache),
      ended: (slot) => this.#forget(slot),
    })
    this.#stepper = new Stepper((parts) => this.#step(parts), parts.chunkLength)
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

  forward(sequence: EdgeSequence, tokens: readonly number[], signal: AbortSignal): Promise<void> {
    return this.#stepper.run(sequence, tokens, signal)
  }

  async distribution({ cache: slot }: EdgeSequence, query: DistributionQuery): Promise<Distribution> {
    if (!this.#computed.has(slot)) this.#computeLogits(slot)
    // The query changes them.
    this.#forget(slot)
    return this.#parts.head.distribution(slot.logits, query)
  }

  #step(parts: readonly Part<EdgeSequence>[]): void {
    const { arena, kernels, config, embedding, stage, hidden } = this.#parts
    const bytes = config.hiddenSize * 4
    const tokens = parts.flatMap((part) => part.tokens)
    tokens.forEach((token, i) => {
      const { index, row } = placeOf(embedding, token)
      const { pointer, cols, planes, groupSize, zeroPoint, hasMin, stepped } = embedding[index]
      const at = [hidden + i * bytes, pointer, row, cols] as const
      kernels.embeddingRow(...at, planes, groupSize, zeroPoint, hasMin, stepped)
    })
    const spans = parts.map(({ sequence, tokens }) => {
      return { count: tokens.length, position: sequence.length, cache: sequence.cache.cache }
    })
    stage.forward(hidden, spans, 'last')
    for (const [i, { sequence, tokens }] of parts.entries()) {
      const { cache: slot } = sequence
      sequence.append(tokens)
      arena.bytes(slot.last, bytes).set(arena.bytes(hidden + i * bytes, bytes))
      this.#computed.delete(slot)
      this.#unasked.add(slot)
    }
    this.tokensComputed += tokens.length
    this.steps++
  }

  /** Of this slot, and of as many others as have come to a token in the same step: the head's weights are read once for all. */
  #computeLogits(slot: Slot): void {
    const { arena, config, head, hidden, logits, headColumns } = this.#parts
    const others = [...this.#unasked].filter((other) => other !== slot && !this.#computed.has(other))
    const slots = [slot, ...others.slice(0, headColumns - 1)]
    if (slots.length === 1) {
      head.logits(slot.logits, slot.last)
      return
    }
    const [bytes, stride] = [config.hiddenSize * 4, logitBytes(config.vocabSize)]
    for (const [i, { last }] of slots.entries()) {
      arena.bytes(hidden + i * bytes, bytes).set(arena.bytes(last, bytes))
    }
    head.logits(logits, hidden, slots.length)
    for (const [i, one] of slots.entries()) {
      arena.bytes(one.logits, stride).set(arena.bytes(logits + i * stride, stride))
      this.#computed.add(one)
    }
  }

  #forget(slot: Slot): void {
    this.#unasked.delete(slot)
    this.#computed.delete(slot)
  }
}

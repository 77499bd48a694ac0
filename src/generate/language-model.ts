import type { Distribution, DistributionQuery } from './distribution.ts'
import type { Beginning } from './kept-caches.ts'

/** The state of one sequence in a model: its KV cache and how far it reaches. */
export interface Sequence {
  /** Tokens whose keys and values are held. */
  readonly length: number
  /** Forget all tokens from this position on. */
  truncate(length: number): void
  /** Give the KV cache back, which may keep what it holds. */
  release(): void
}

/** A model that turns tokens into a next-token distribution, wherever its stages are. */
export interface LanguageModel {
  readonly vocabSize: number
  /** Tokens a sequence can hold. */
  readonly contextLength: number
  /** A sequence that holds nothing, or, of what it is to begin with, what another one left. */
  createSequence(beginning?: Beginning): Sequence
  /**
   * Run tokens through all layers, in chunks, appending them to the sequence; no logits yet. Others get their turn between chunks, and
   * when the signal aborts it ends early, without an error.
   */
  forward(sequence: Sequence, tokens: readonly number[], signal: AbortSignal): Promise<void>
  /** Next-token distribution after the last token run forward in this sequence; valid until the next. */
  distribution(sequence: Sequence, query: DistributionQuery): Promise<Distribution>
}

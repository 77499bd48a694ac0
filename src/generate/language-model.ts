import type { Distribution, DistributionQuery } from './distribution.ts'

/** The state of one sequence in a model: its KV cache and how far it reaches. */
export interface Sequence {
  /** Tokens whose keys and values are held. */
  readonly length: number
  /** Forget all tokens from this position on. */
  truncate(length: number): void
  /** Give the memory back. */
  release(): void
}

/** A model that turns tokens into a next-token distribution, wherever its stages are. */
export interface LanguageModel {
  readonly vocabSize: number
  /** Tokens a sequence can hold. */
  readonly contextLength: number
  createSequence(): Sequence
  /**
   * Run tokens through all layers, in chunks, appending them to the sequence; no logits yet. Others get their turn between chunks, and
   * when the signal aborts it ends early, without an error.
   */
  forward(sequence: Sequence, tokens: readonly number[], signal: AbortSignal): Promise<void>
  /** Next-token distribution after the last token run forward in this sequence; valid until the next. */
  distribution(sequence: Sequence, query: DistributionQuery): Promise<Distribution>
}

import type { Adjustment, Distribution } from './distribution.ts'

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
  /** Tokens to hand to one `forward` call at most: the longest prefill chunk. */
  readonly chunkLength: number
  createSequence(): Sequence
  /** Run 1 .. chunkLength tokens through all layers, appending them to the sequence; no logits yet. */
  forward(sequence: Sequence, tokens: readonly number[]): Promise<void>
  /** Next-token distribution after the last token run forward in this sequence, with the adjustments applied. */
  distribution(sequence: Sequence, adjustments: readonly Adjustment[]): Promise<Distribution>
}

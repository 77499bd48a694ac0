import type { Tokenizer } from '../tokenizer/tokenizer.ts'

export interface Vocabulary {
  /** What each token stands for in text; empty for those that no grammar allows: control tokens, and tags such as <think>. */
  readonly bytes: readonly Uint8Array[]
  readonly eosIds: readonly number[]
}

const NOTHING = new Uint8Array()

/** @param vocabSize of the model: some have more rows than their tokenizer has tokens. */
export function vocabularyOf(tokenizer: Tokenizer, vocabSize: number, eosIds: readonly number[]): Vocabulary {
  const added = new Set(tokenizer.addedTexts.map((text) => tokenizer.addedToken(text)))
  const bytes = Array.from({ length: vocabSize }, (_, id) => (added.has(id) ? NOTHING : tokenizer.bytes(id)))
  return { bytes, eosIds }
}

/** Tokens that begin with each byte. */
export function firstByteCounts({ bytes }: Vocabulary): Uint32Array {
  const counts = new Uint32Array(256)
  for (const [first] of bytes) if (first !== undefined) counts[first]++
  return counts
}

import { z } from 'zod'
import { MAX_VOCABULARY } from '../../weights/manifest.ts'
import { oneLine } from '../../weights/one-line.ts'

/** A tokenizer as the pack's tables state it, whatever file it was read from. */
export interface TokenizerSpec {
  /**
   * byteLevel: digits one by one, then the GPT-2 pattern, symbols are bytes. byteLevelQwen2: the same with NFC and Qwen2's pattern. byteFallback: SentencePiece, no
   * pre-tokenizer, symbols are characters, and bytes for characters without a piece.
   */
  readonly kind: 'byteLevel' | 'byteLevelQwen2' | 'byteFallback'
  /** Each stretch of text between added tokens gets a space in front. */
  readonly prefixSpace: boolean
  /** By id: the bytes that a token stands for (for an added token: its text), or undefined for a hole. */
  readonly pieces: readonly (Uint8Array | undefined)[]
  readonly merges: readonly Merge[]
  /** 256 ids by byte; undefined where the vocabulary has none (byteLevel only). */
  readonly byteIds: readonly (number | undefined)[]
  /** Characters that are pieces, by code point; empty for byteLevel. */
  readonly symbols: ReadonlyMap<number, number>
  readonly added: readonly AddedToken[]
}

/** Ids of the two sides and of the result; merges of low rank go first, of equal rank from left to right. */
export interface Merge {
  readonly left: number
  readonly right: number
  readonly result: number
  readonly rank: number
}

export interface AddedToken {
  readonly id: number
  readonly text: string
  /** Never shows in decoded text. */
  readonly special: boolean
}

/** A token's number in a file: what a manifest may say, and an index of an array. */
export const tokenId = z.int().nonnegative().max(MAX_VOCABULARY)
/** The same as a key of an object. */
export const tokenIdKey = z.string().regex(/^\d{1,7}$/, 'the key is no token id')

/** A tokenizer that the tables cannot state: using it would give other ids than its reference. */
export class UnsupportedTokenizerError extends Error {
  readonly code = 'tokenizer_unsupported'

  readonly feature: string

  constructor(feature: string, path?: string) {
    const where = path === undefined ? '' : `${path}: `
    super(
      oneLine(
        `${where}Unsupported tokenizer: ${feature}. Byte-level BPE with the pre-tokenizer of SmolLM2 or Qwen2 and byte-fallback ` +
          'BPE without pre-tokenizer (Llama, Nanbeige) can be packed.',
      ),
    )
    this.feature = feature
    this.name = 'UnsupportedTokenizerError'
  }
}

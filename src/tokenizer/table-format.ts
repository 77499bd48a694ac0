// The binary form of a tokenizer, stated once for the packer (src/pack/tokenizer/tables.ts) and the reader (tables.ts).
//
// Little-endian 32-bit words, every section used where it lies:
//
//   header        HEADER_WORDS words: magic, version, kind, flags, then the counts V, M, S, A, B below
//   pieceStarts   V + 1  first byte of each piece in `pieces`; an id without a piece is empty
//   mergeStarts   V + 1  first merge of each left id: the merges are the rows of a sparse matrix (left, right)
//   mergeRight    M      right id, ascending within a left id
//   mergeRank     M      the smallest goes first; equal ranks go left to right
//   mergeResult   M      id of the merged piece
//   byteIds       256    id that stands for a byte, NO_ID where the vocabulary has none
//   symbolCodes   S      code points that are pieces of their own, ascending; only in byte-fallback vocabularies
//   symbolIds     S      their ids
//   added         A      ids of added tokens, ascending; SPECIAL is set on those that never show in text
//   pieces        B      bytes: what a token stands for in text (for an added token: what it is written as)

/** "NTOK", read as a little-endian word. */
export const MAGIC = 0x4b4f544e
export const TABLES_VERSION = 1
export const HEADER_WORDS = 9

/** Digits one by one, then the GPT-2 pattern; symbols are bytes; bytes the vocabulary lacks are dropped. */
export const BYTE_LEVEL = 1
/** No pre-tokenizer; symbols are characters, and bytes where the vocabulary lacks the character. */
export const BYTE_FALLBACK = 2
/** NFC and Qwen2's pattern; symbols are bytes. */
export const BYTE_LEVEL_QWEN2 = 3

/** Flag: each stretch of text between added tokens gets a space in front. */
export const PREFIX_SPACE = 1
export const NO_ID = 0xffffffff
export const SPECIAL = 0x80000000
/** A merge rank and a position must fit one float64 (see merger.ts). */
export const MAX_MERGES = 1 << 21

export interface TableCounts {
  readonly vocabSize: number
  readonly merges: number
  readonly symbols: number
  readonly added: number
  readonly pieceBytes: number
}

/** First word of each section, and the length of the whole in bytes. */
export function tableLayout(counts: TableCounts) {
  const pieceStarts = HEADER_WORDS
  const mergeStarts = pieceStarts + counts.vocabSize + 1
  const mergeRight = mergeStarts + counts.vocabSize + 1
  const mergeRank = mergeRight + counts.merges
  const mergeResult = mergeRank + counts.merges
  const byteIds = mergeResult + counts.merges
  const symbolCodes = byteIds + 256
  const symbolIds = symbolCodes + counts.symbols
  const added = symbolIds + counts.symbols
  const pieces = added + counts.added
  return {
    pieceStarts,
    mergeStarts,
    mergeRight,
    mergeRank,
    mergeResult,
    byteIds,
    symbolCodes,
    symbolIds,
    added,
    pieces,
    byteLength: pieces * 4 + counts.pieceBytes,
  }
}

import {
  BYTE_FALLBACK,
  BYTE_LEVEL,
  BYTE_LEVEL_QWEN2,
  MAGIC,
  MAX_MERGES,
  NO_ID,
  PREFIX_SPACE,
  SPECIAL,
  TABLES_VERSION,
  tableLayout,
} from '../../tokenizer/table-format.ts'
import { type Merge, type TokenizerSpec, UnsupportedTokenizerError } from './spec.ts'

export { tokenizerSpecFromGguf } from './from-gguf.ts'
export { tokenizerSpecFromJson } from './from-json.ts'

const KINDS: Readonly<Record<TokenizerSpec['kind'], number>> = {
  byteLevel: BYTE_LEVEL,
  byteLevelQwen2: BYTE_LEVEL_QWEN2,
  byteFallback: BYTE_FALLBACK,
}

/**
 * The tables of src/tokenizer/table-format.ts.
 * @throws UnsupportedTokenizerError for more than MAX_MERGES merges, or one pair merged in two ways
 */
export function buildTokenizerTables(spec: TokenizerSpec): Uint8Array {
  const vocabSize = spec.pieces.length
  const merges = sortedMerges(spec.merges)
  const symbols = [...spec.symbols].sort(([a], [b]) => a - b)
  const added = [...spec.added].sort((a, b) => a.id - b.id)
  const counts = {
    vocabSize,
    merges: merges.length,
    symbols: symbols.length,
    added: added.length,
    pieceBytes: spec.pieces.reduce((sum, piece) => sum + (piece?.length ?? 0), 0),
  }
  const layout = tableLayout(counts)
  const bytes = new Uint8Array(layout.byteLength)
  const words = new Uint32Array(bytes.buffer, 0, layout.pieces)

  words.set([
    MAGIC,
    TABLES_VERSION,
    KINDS[spec.kind],
    spec.prefixSpace ? PREFIX_SPACE : 0,
    counts.vocabSize,
    counts.merges,
    counts.symbols,
    counts.added,
    counts.pieceBytes,
  ])
  let start = 0
  // Not forEach: a hole is an id too.
  for (let id = 0; id < vocabSize; id++) {
    words[layout.pieceStarts + id] = start
    bytes.set(spec.pieces[id] ?? [], layout.pieces * 4 + start)
    start += spec.pieces[id]?.length ?? 0
  }
  words[layout.pieceStarts + vocabSize] = start

  words.set(rowStarts(merges, vocabSize), layout.mergeStarts)
  merges.forEach(({ right, rank, result }, i) => {
    words[layout.mergeRight + i] = right
    words[layout.mergeRank + i] = rank
    words[layout.mergeResult + i] = result
  })
  for (let byte = 0; byte < 256; byte++) words[layout.byteIds + byte] = spec.byteIds[byte] ?? NO_ID
  symbols.forEach(([code, id], i) => {
    words[layout.symbolCodes + i] = code
    words[layout.symbolIds + i] = id
  })
  added.forEach(({ id, special }, i) => {
    words[layout.added + i] = special ? id | SPECIAL : id
  })
  return bytes
}

function sortedMerges(merges: readonly Merge[]): Merge[] {
  if (merges.length > MAX_MERGES) {
    throw new UnsupportedTokenizerError(`${merges.length} merges where ${MAX_MERGES} is the most`)
  }
  const sorted = [...merges].sort((a, b) => a.left - b.left || a.right - b.right)
  for (let i = 1; i < sorted.length; i++) {
    const { left, right } = sorted[i]
    if (left === sorted[i - 1].left && right === sorted[i - 1].right) {
      throw new UnsupportedTokenizerError(`ids ${left} and ${right} merge in two ways`)
    }
  }
  return sorted
}

/** First merge of each left id, and the end: vocabSize + 1 numbers. */
function rowStarts(merges: readonly Merge[], vocabSize: number): Uint32Array {
  const starts = new Uint32Array(vocabSize + 1)
  for (const { left } of merges) starts[left + 1]++
  for (let id = 0; id < vocabSize; id++) starts[id + 1] += starts[id]
  return starts
}

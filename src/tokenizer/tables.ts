import {
  BYTE_FALLBACK,
  BYTE_LEVEL,
  BYTE_LEVEL_QWEN2,
  HEADER_WORDS,
  MAGIC,
  MAX_MERGES,
  NO_ID,
  PREFIX_SPACE,
  SPECIAL,
  TABLES_VERSION,
  tableLayout,
} from './table-format.ts'

/** The bytes given as tokenizer tables are not tokenizer tables this code can read. */
export class TokenizerTablesError extends Error {
  readonly code = 'tokenizer_tables_invalid'

  constructor(cause: string) {
    super(`Tokenizer tables cannot be read: ${cause}. Make the pack again with this version of the packer.`)
    this.name = 'TokenizerTablesError'
  }
}

const KINDS = [BYTE_LEVEL, BYTE_FALLBACK, BYTE_LEVEL_QWEN2] as const

/** Views over the sections of table-format.ts. */
export interface Tables {
  readonly kind: (typeof KINDS)[number]
  readonly prefixSpace: boolean
  readonly vocabSize: number
  readonly pieceStarts: Uint32Array
  readonly mergeStarts: Uint32Array
  readonly mergeRight: Uint32Array
  readonly mergeRank: Uint32Array
  readonly mergeResult: Uint32Array
  readonly byteIds: Uint32Array
  readonly symbolCodes: Uint32Array
  readonly symbolIds: Uint32Array
  readonly added: Uint32Array
  readonly pieces: Uint8Array
}

/**
 * Check tables and view them in place: nothing is copied when `bytes` starts at a multiple of 4 of its buffer.
 * @throws TokenizerTablesError
 */
export function openTables(bytes: Uint8Array): Tables {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  if (aligned.byteLength < HEADER_WORDS * 4) throw new TokenizerTablesError(`only ${aligned.byteLength} bytes`)
  const words = (start: number, end: number) =>
    new Uint32Array(aligned.buffer, aligned.byteOffset + start * 4, end - start)

  const [magic, version, kind, flags, vocabSize, merges, symbols, added, pieceBytes] = words(0, HEADER_WORDS)
  if (magic !== MAGIC) throw new TokenizerTablesError('the magic number is wrong')
  if (version !== TABLES_VERSION) {
    throw new TokenizerTablesError(`version ${version} where ${TABLES_VERSION} is expected`)
  }
  const known = KINDS.find((one) => one === kind)
  if (known === undefined) throw new TokenizerTablesError(`unknown kind ${kind}`)
  if ((flags & ~PREFIX_SPACE) !== 0) throw new TokenizerTablesError(`unknown flags ${flags}`)
  if (merges > MAX_MERGES) throw new TokenizerTablesError(`${merges} merges where ${MAX_MERGES} is the most`)
  const layout = tableLayout({ vocabSize, merges, symbols, added, pieceBytes })
  if (aligned.byteLength !== layout.byteLength) {
    throw new TokenizerTablesError(`${aligned.byteLength} bytes where the header says ${layout.byteLength}`)
  }

  const tables: Tables = {
    kind: known,
    prefixSpace: (flags & PREFIX_SPACE) !== 0,
    vocabSize,
    pieceStarts: words(layout.pieceStarts, layout.mergeStarts),
    mergeStarts: words(layout.mergeStarts, layout.mergeRight),
    mergeRight: words(layout.mergeRight, layout.mergeRank),
    mergeRank: words(layout.mergeRank, layout.mergeResult),
    mergeResult: words(layout.mergeResult, layout.byteIds),
    byteIds: words(layout.byteIds, layout.symbolCodes),
    symbolCodes: words(layout.symbolCodes, layout.symbolIds),
    symbolIds: words(layout.symbolIds, layout.added),
    added: words(layout.added, layout.pieces),
    pieces: aligned.subarray(layout.pieces * 4),
  }
  checkContents(tables)
  return tables
}

// The ends of sections and the short ones. The long ones are not walked, which would be most of the time of loading: that
// their bytes are the packer's is for the sha256 in the manifest to say.
function checkContents(tables: Tables): void {
  const { vocabSize } = tables
  checkEnds('piece', tables.pieceStarts, tables.pieces.length)
  checkEnds('merge', tables.mergeStarts, tables.mergeRight.length)
  for (const id of tables.byteIds) {
    if (id >= vocabSize && (id !== NO_ID || tables.kind === BYTE_FALLBACK)) {
      throw new TokenizerTablesError(`byte id ${id} is out of range`)
    }
  }
  for (const entry of tables.added) {
    if ((entry & ~SPECIAL) >>> 0 >= vocabSize) throw new TokenizerTablesError('an added token is out of range')
  }
}

function checkEnds(what: string, starts: Uint32Array, end: number): void {
  if (starts[0] !== 0 || starts.at(-1) !== end) {
    throw new TokenizerTablesError(`${what} offsets do not cover their section`)
  }
}

import { BYTE_FALLBACK, BYTE_LEVEL, SPECIAL } from '../../tokenizer/table-format.ts'
import { openTables } from '../../tokenizer/tables.ts'
import type { AddedToken, TokenizerSpec } from './spec.ts'
import { byteLevelOfBytes, pieceOfByte, WRITTEN_SPACE } from './spelling.ts'

export interface TablesDescription {
  readonly kind: TokenizerSpec['kind']
  readonly prefixSpace: boolean
  readonly vocabSize: number
  /** By id, spelled as in a vocabulary file; undefined for holes. */
  readonly pieces: readonly (string | undefined)[]
  /** Pairs of pieces, the first to merge first; equal ranks by id. */
  readonly merges: readonly (readonly [string, string])[]
  readonly added: readonly AddedToken[]
}

/**
 * What is in tokenizer tables, in the terms of the files they were made from.
 * @throws TokenizerTablesError
 */
export function describeTables(bytes: Uint8Array): TablesDescription {
  const tables = openTables(bytes)
  const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
  const bytesOf = (id: number) => tables.pieces.subarray(tables.pieceStarts[id], tables.pieceStarts[id + 1])
  const added = Array.from(tables.added, (entry) => {
    const id = (entry & ~SPECIAL) >>> 0
    return { id, text: utf8.decode(bytesOf(id)), special: (entry & SPECIAL) !== 0 }
  })
  const addedTexts = new Map(added.map(({ id, text }) => [id, text]))
  const byteOf = new Map(Array.from(tables.byteIds, (id, byte) => [id, byte]))
  const byteLevel = tables.kind !== BYTE_FALLBACK

  const spell = (id: number): string | undefined => {
    if (addedTexts.has(id)) return addedTexts.get(id)
    if (tables.pieceStarts[id] === tables.pieceStarts[id + 1]) return undefined
    if (byteLevel) return byteLevelOfBytes(bytesOf(id))
    const byte = byteOf.get(id)
    return byte === undefined ? utf8.decode(bytesOf(id)).replaceAll(' ', WRITTEN_SPACE) : pieceOfByte(byte)
  }
  const pieces = Array.from({ length: tables.vocabSize }, (_, id) => spell(id))

  const merges: { rank: number; pair: [string, string] }[] = []
  for (let left = 0; left < tables.vocabSize; left++) {
    for (let i = tables.mergeStarts[left]; i < tables.mergeStarts[left + 1]; i++) {
      merges.push({ rank: tables.mergeRank[i], pair: [pieces[left]!, pieces[tables.mergeRight[i]]!] })
    }
  }
  merges.sort((a, b) => a.rank - b.rank)
  return {
    kind: byteLevel ? (tables.kind === BYTE_LEVEL ? 'byteLevel' : 'byteLevelQwen2') : 'byteFallback',
    prefixSpace: tables.prefixSpace,
    vocabSize: tables.vocabSize,
    pieces,
    merges: merges.map(({ pair }) => pair),
    added,
  }
}

import { type AddedToken, type Merge, type TokenizerSpec, UnsupportedTokenizerError } from './spec.ts'
import { byteOfPiece, bytesOfByteLevel, WRITTEN_SPACE } from './spelling.ts'

const utf8 = new TextEncoder()

/** Pieces as the vocabulary file spells them: id by piece, added tokens left out. */
export type Vocabulary = ReadonlyMap<string, number>

/** State a byte-level vocabulary in the form of the tables. `merges` are pairs of pieces, the first to go first. */
export function byteLevelSpec(
  vocabulary: Vocabulary,
  merges: readonly (readonly [string, string])[],
  added: readonly AddedToken[],
  kind: 'byteLevel' | 'byteLevelQwen2',
): TokenizerSpec {
  const pieces: (Uint8Array | undefined)[] = []
  const byteIds: (number | undefined)[] = new Array(256).fill(undefined)
  for (const [piece, id] of vocabulary) {
    const bytes = bytesOfByteLevel(piece)
    if (!bytes) throw new UnsupportedTokenizerError(`piece ${JSON.stringify(piece)} outside the byte-level alphabet`)
    place(pieces, id, bytes, piece)
    if (bytes.length === 1) byteIds[bytes[0]] = id
  }
  addTexts(pieces, vocabulary, added)
  return {
    kind,
    prefixSpace: false,
    pieces,
    merges: mergesOfPairs(vocabulary, merges),
    byteIds,
    symbols: new Map(),
    added,
  }
}

/** State a SentencePiece vocabulary in the form of the tables. */
export function byteFallbackSpec(
  vocabulary: Vocabulary,
  merges: readonly Merge[],
  added: readonly AddedToken[],
  prefixSpace: boolean,
): TokenizerSpec {
  const pieces: (Uint8Array | undefined)[] = []
  const byteIds: (number | undefined)[] = new Array(256).fill(undefined)
  const symbols = new Map<number, number>()
  for (const [piece, id] of vocabulary) {
    const byte = byteOfPiece(piece)
    if (byte !== undefined) {
      place(pieces, id, Uint8Array.of(byte), piece)
      byteIds[byte] = id
      continue
    }
    const text = piece.replaceAll(WRITTEN_SPACE, ' ')
    place(pieces, id, utf8.encode(text), piece)
    // A piece that is written with a plain space is never made: text is searched with the written one.
    if ([...piece].length === 1 && piece !== ' ') symbols.set(text.codePointAt(0)!, id)
  }
  const missing = byteIds.indexOf(undefined)
  if (missing >= 0) throw new UnsupportedTokenizerError(`no piece for byte ${missing}, hence no byte fallback`)
  addTexts(pieces, vocabulary, added)
  return { kind: 'byteFallback', prefixSpace, pieces, merges, byteIds, symbols, added }
}

/** Merges listed as pairs of pieces, each of a rank of its own. */
export function mergesOfPairs(vocabulary: Vocabulary, pairs: readonly (readonly [string, string])[]): Merge[] {
  return pairs.map(([left, right], rank) => {
    const merge = {
      left: vocabulary.get(left),
      right: vocabulary.get(right),
      result: vocabulary.get(left + right),
      rank,
    }
    if (merge.left === undefined || merge.right === undefined || merge.result === undefined) {
      throw new UnsupportedTokenizerError(`merge ${JSON.stringify([left, right])} of or into an unknown piece`)
    }
    return merge as Merge
  })
}

/** A merge as files list it: two pieces, and one space between them. */
export function splitMerge(merge: string): [string, string] {
  const [left, right, ...more] = merge.split(' ')
  if (!left || !right || more.length > 0) {
    throw new UnsupportedTokenizerError(`merge ${JSON.stringify(merge)}, which is not two pieces`)
  }
  return [left, right]
}

function addTexts(pieces: (Uint8Array | undefined)[], vocabulary: Vocabulary, added: readonly AddedToken[]): void {
  const ids = new Map(vocabulary)
  for (const { id, text } of added) {
    if (ids.has(text))
      throw new UnsupportedTokenizerError(`${JSON.stringify(text)} has the ids ${ids.get(text)} and ${id}`)
    ids.set(text, id)
    place(pieces, id, utf8.encode(text), text)
  }
}

function place(pieces: (Uint8Array | undefined)[], id: number, bytes: Uint8Array, text: string): void {
  if (pieces[id] !== undefined)
    throw new UnsupportedTokenizerError(`id ${id} is ${JSON.stringify(text)} and another piece`)
  pieces[id] = bytes
}

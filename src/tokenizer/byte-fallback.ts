import type { EncodeText } from './encode-text.ts'
import type { Merger } from './merger.ts'
import type { Tables } from './tables.ts'

const SPACE = 0x20
/** U+2581, what SentencePiece vocabularies write for a space; the tables hold a space. */
const WRITTEN_SPACE = 0x2581

/** Encoder of byte-fallback BPE. */
export function byteFallbackEncoder(tables: Tables): EncodeText {
  const utf8 = new TextEncoder()
  const character = new Uint8Array(4)

  const addCharacter = (codePoint: number, merger: Merger) => {
    const found = indexOf(tables.symbolCodes, codePoint === WRITTEN_SPACE ? SPACE : codePoint)
    if (found >= 0) {
      merger.add(tables.symbolIds[found])
      return
    }
    const { written } = utf8.encodeInto(String.fromCodePoint(codePoint), character)
    for (let i = 0; i < written; i++) merger.add(tables.byteIds[character[i]])
  }

  return function* (text, output, merger) {
    if (tables.prefixSpace) addCharacter(SPACE, merger)
    for (let i = 0; i < text.length; i++) {
      const codePoint = text.codePointAt(i)!
      if (codePoint > 0xffff) i++
      addCharacter(codePoint, merger)
      if (merger.stepEnds) yield
    }
    yield* merger.finish(output)
  }
}

function indexOf(sorted: Uint32Array, value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    if (sorted[middle] === value) return middle
    if (sorted[middle] < value) low = middle + 1
    else high = middle - 1
  }
  return -1
}

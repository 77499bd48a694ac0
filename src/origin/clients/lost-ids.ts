import type { Tokenizer } from '../../tokenizer/tokenizer.ts'

/** Ids of the tokens that are no whole characters, by their bytes (as Latin-1 text). */
type Fragments = ReadonlyMap<string, readonly number[]>

/** Bytes of the characters that llama-server holds back, some of four bytes: longer ones can be cut in too many ways. */
const MAX_BYTES = 32

const fragmentsOf = new WeakMap<Tokenizer, Fragments>()

/**
 * The ids before `last` of `count` tokens that came as one piece of text, because only the last of them completed its
 * characters. undefined where the text does not tell: its bytes are not those of the tokens, or several ways to cut
 * them fit and none is the tokenizer's own.
 */
export function lostIds(tokenizer: Tokenizer, text: string, last: number, count: number): number[] | undefined {
  const bytes = latin1(new TextEncoder().encode(text))
  const end = latin1(tokenizer.bytes(last))
  if (end === '' || bytes.length > MAX_BYTES || !bytes.endsWith(end)) return undefined
  const ways = [...cuts(fragments(tokenizer), bytes.slice(0, bytes.length - end.length), count - 1)]
  if (ways.length === 1) return ways[0]
  const own = tokenizer.encode(text)
  return ways.find((way) => own.length === count && way.every((id, index) => own[index] === id))
}

function* cuts(pieces: Fragments, bytes: string, count: number): Generator<number[]> {
  if (count === 0) {
    if (bytes === '') yield []
    return
  }
  for (let length = 1; length <= bytes.length - (count - 1); length++) {
    for (const id of pieces.get(bytes.slice(0, length)) ?? []) {
      for (const rest of cuts(pieces, bytes.slice(length), count - 1)) yield [id, ...rest]
    }
  }
}

function fragments(tokenizer: Tokenizer): Fragments {
  const known = fragmentsOf.get(tokenizer)
  if (known) return known
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  const pieces = new Map<string, number[]>()
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const bytes = tokenizer.bytes(id)
    // Most tokens are ASCII: decoding all would take most of the time.
    if (bytes.every((byte) => byte < 0x80) || isUtf8(utf8, bytes)) continue
    const key = latin1(bytes)
    pieces.set(key, [...(pieces.get(key) ?? []), id])
  }
  fragmentsOf.set(tokenizer, pieces)
  return pieces
}

function isUtf8(decoder: TextDecoder, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

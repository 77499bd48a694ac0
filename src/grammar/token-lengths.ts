const QUOTE = 0x22
/** Counts of characters that grammars hold themselves, and not beside them. */
export const MAX_HELD = 4

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })

/** How many characters the tokens of a vocabulary add to a string. */
export class TokenLengths {
  readonly #bytes: readonly Uint8Array[]
  /** Of each token, up to a quotation mark. */
  readonly before: Uint16Array
  readonly longest: number
  /** Tokens with a quotation mark; with several, so that one may hold a whole string; and with more characters behind one than grammars count. */
  readonly quoted: readonly number[]
  readonly several: readonly number[]
  readonly long: readonly number[]
  /** Tokens that begin in the midst of a character. */
  readonly continuing: readonly number[]
  /** Tokens with bytes that no text in UTF-8 has. */
  readonly malformed: readonly number[]
  /** 1 for those with a quotation mark and those that begin in the midst of a character. */
  readonly isSpecial: Uint8Array

  constructor(bytes: readonly Uint8Array[]) {
    this.#bytes = bytes
    this.before = Uint16Array.from(bytes, (token) => charactersIn(upToQuote(token), 0))
    this.longest = this.before.reduce((most, length) => Math.max(most, length), 0)
    const idsOf = (fits: (token: Uint8Array) => boolean) => [...bytes.keys()].filter((id) => fits(bytes[id]))
    this.quoted = idsOf((token) => token.includes(QUOTE))
    this.long = this.quoted.filter((id) => bytes[id].length - bytes[id].indexOf(QUOTE) > MAX_HELD + 1)
    this.several = this.quoted.filter(
      (id) => bytes[id].indexOf(QUOTE) !== bytes[id].lastIndexOf(QUOTE) || this.long.includes(id),
    )
    this.continuing = idsOf(([first]) => isContinuation(first))
    this.malformed = idsOf((token) => {
      const first = token.findIndex((byte) => !isContinuation(byte))
      return first >= 0 && !isWellFormed(token.subarray(first))
    })
    this.isSpecial = new Uint8Array(bytes.length)
    for (const id of [...this.quoted, ...this.continuing]) this.isSpecial[id] = 1
  }

  bytes(id: number): Uint8Array {
    return this.#bytes[id]
  }
}

function upToQuote(token: Uint8Array): Uint8Array {
  const at = token.indexOf(QUOTE)
  return at < 0 ? token : token.subarray(0, at)
}

/** Characters in bytes of which the first complete another, that wants so many; one that has only begun counts too. */
export function charactersIn(bytes: Uint8Array, missing: number): number {
  let at = 0
  while (at < missing && isContinuation(bytes[at])) at++
  const others = bytes.subarray(at)
  if (others.every((byte) => byte < 0x80)) return others.length
  return Array.from(DECODER.decode(others)).length
}

/** Whether bytes are UTF-8, or can become so. */
export function isWellFormed(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

/** Bytes that a character still wants. @param begun its own; empty: none has begun. */
export function missingBytes(begun: Uint8Array): number {
  const [first] = begun
  const length = first === undefined || first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  return begun.subarray(1).every(isContinuation) ? Math.max(0, length - begun.length) : 0
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80 && byte < 0xc0
}

import { complement, LAST_CODE_POINT, union } from './code-points.ts'
import type { Range } from './expression.ts'

const LAST_ASCII = 0x7f
/** Last code points of one to four bytes in UTF-8. */
const LAST_OF_LENGTH = [LAST_ASCII, 0x7ff, 0xffff, LAST_CODE_POINT] as const

/** Whose EBNF: XGrammar's, as vLLM and SGLang have it too, or llama.cpp's own, in which a class lists characters. */
export type Dialect = 'xgrammar' | 'gbnf'

/**
 * One of these code points, in XGrammar's EBNF. XGrammar (0.1.27) reads what a class lists as bytes, so that only ASCII can stand in one as it is, and
 * other characters are sequences of bytes. A class of one character becomes a text, which is read as
 * characters: bytes are listed twice.
 */
export function printClass(ranges: readonly Range[], dialect: Dialect = 'xgrammar'): string {
  const all = union(ranges)
  if (dialect === 'gbnf') return listed(all)
  const ascii = within(all, 1, LAST_ASCII)
  const others = within(complement(complement(all)), LAST_ASCII + 1, LAST_CODE_POINT)
  if (others.length === 0) return listed(ascii)
  const sequences = others.flatMap(([first, last]) => byteSequences(first, last))
  return `(${[...(ascii.length > 0 ? [listed(ascii)] : []), ...sequences.map((bytes) => bytes.map((byte) => listed([byte, byte])).join(' '))].join(' | ')})`
}

/**
 * The same as one class, where that can be: of ASCII alone, or of all characters but some of ASCII. The latter also allows bytes that are no UTF-8,
 * each of which becomes U+FFFD in a text.
 */
export function printLooseClass(ranges: readonly Range[]): string | undefined {
  const all = union(ranges)
  if (all.every(([, last]) => last <= LAST_ASCII)) return listed(within(all, 1, LAST_ASCII))
  const left = complement(all)
  if (left.some(([, last]) => last > LAST_ASCII)) return undefined
  return `[^${within(union([[0, 0], ...left]), 0, LAST_ASCII)
    .map(printRange)
    .join('')}]`
}

function listed(ranges: readonly Range[]): string {
  return `[${ranges.map(printRange).join('')}]`
}

function within(ranges: readonly Range[], low: number, high: number): Range[] {
  return ranges.flatMap(([first, last]) =>
    first <= high && last >= low ? [[Math.max(first, low), Math.min(last, high)] as const] : [],
  )
}

/** All of a range as sequences of ranges of bytes (https://swtch.com/~rsc/regexp/regexp3.html#step3). */
function byteSequences(first: number, last: number): Range[][] {
  const length = LAST_OF_LENGTH.findIndex((end) => first <= end)
  const end = LAST_OF_LENGTH[length]
  if (last > end) return [...byteSequences(first, end), ...byteSequences(end + 1, last)]
  for (let bits = 6; bits <= 6 * length; bits += 6) {
    const mask = (1 << bits) - 1
    if ((first & ~mask) === (last & ~mask)) continue
    const split = (first & mask) !== 0 ? first | mask : (last & mask) !== mask ? (last & ~mask) - 1 : undefined
    if (split !== undefined) return [...byteSequences(first, split), ...byteSequences(split + 1, last)]
  }
  const [low, high] = [first, last].map((code) => new TextEncoder().encode(String.fromCodePoint(code)))
  return [Array.from(low, (byte, i) => [byte, high[i]] as const)]
}

function printRange([first, last]: Range): string {
  return first === last ? escaped(first) : `${escaped(first)}-${escaped(last)}`
}

/** Letters and digits as they are, and all others by number: what would be read as syntax in a text is another in a class. */
export function escaped(code: number): string {
  const character = String.fromCodePoint(code)
  if (/[0-9A-Za-z]/.test(character)) return character
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

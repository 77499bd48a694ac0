import { TemplateError } from './values.ts'

/** What str.isspace() is true for, as a class of characters; JavaScript's \s lacks U+001C to U+001F and U+0085, and has U+FEFF. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const SPACES = new RegExp(`[${SPACE}]+`, 'g')
const ALL_SPACE = new RegExp(`^[${SPACE}]+$`)

/** The longest text that a filling makes. */
const MAX_FILL = 10_000

export const isSpace = (text: string) => ALL_SPACE.test(text)

/** The characters of a text, each whole: Python counts code points. */
export function characters(text: string): readonly string[] | string {
  return /[\ud800-\udfff]/.test(text) ? Array.from(text) : text
}

/** str.strip(), lstrip() and rstrip(). @param chars the characters to take away; undefined: white space. */
export function stripped(text: string, chars: string | undefined, sides: 'left' | 'right' | 'both'): string {
  const all = characters(text)
  const goes = chars === undefined ? isSpace : (character: string) => chars.includes(character)
  let start = 0
  let end = all.length
  if (sides !== 'right') while (start < end && goes(all[start])) start++
  if (sides !== 'left') while (end > start && goes(all[end - 1])) end--
  return typeof all === 'string' ? all.slice(start, end) : all.slice(start, end).join('')
}

/** str.split() and rsplit(). @param most how often to split; negative: everywhere. */
export function split(text: string, separator: string | undefined, most: number, fromRight: boolean): string[] {
  if (separator === '') throw new TemplateError('empty separator')
  if (separator === undefined) return splitAtSpaces(text, most, fromRight)
  const parts = text.split(separator)
  if (most < 0 || parts.length <= most + 1) return parts
  return fromRight
    ? [parts.slice(0, parts.length - most).join(separator), ...parts.slice(parts.length - most)]
    : [...parts.slice(0, most), parts.slice(most).join(separator)]
}

function splitAtSpaces(text: string, most: number, fromRight: boolean): string[] {
  const words = stripped(text, undefined, 'both').split(SPACES)
  if (words[0] === '') return []
  if (most < 0 || words.length <= most) return words
  // The rest keeps its white space at the end that was not split from.
  const kept = fromRight ? words.length - most : most
  const rest = fromRight ? stripped(text, undefined, 'right') : stripped(text, undefined, 'left')
  const pattern = fromRight ? `(?:[${SPACE}]+[^${SPACE}]+){${most}}$` : `^(?:[^${SPACE}]+[${SPACE}]+){${most}}`
  const unsplit = rest.replace(new RegExp(pattern), '')
  return fromRight ? [unsplit, ...words.slice(kept)] : [...words.slice(0, kept), unsplit]
}

/** str.replace(). @param most how often; negative: everywhere. */
export function replaced(text: string, old: string, by: string, most: number): string {
  if (most < 0 && old !== '') return text.split(old).join(by)
  const limit = most < 0 ? Number.POSITIVE_INFINITY : most
  if (old === '') {
    const all = [...characters(text)]
    return (
      all.map((character, index) => (index < limit ? by + character : character)).join('') +
      (all.length < limit ? by : '')
    )
  }
  const parts = text.split(old)
  const head = parts.slice(0, limit + 1).join(by)
  return parts.length > limit + 1 ? [head, ...parts.slice(limit + 1)].join(old) : head
}

/** str.title(): every run of letters begins large. */
export function titled(text: string): string {
  return text.replace(/\p{L}+/gu, (letters) => capitalized(letters))
}

export function capitalized(text: string): string {
  const [first = ''] = text
  return first.toUpperCase() + text.slice(first.length).toLowerCase()
}

const LINE_END = '(?:\\r\\n|[\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029])'
const LINES = new RegExp(`.*?(?:${LINE_END}|$)`, 'gs')
const LAST_LINE_END = new RegExp(`${LINE_END}$`)

/** str.splitlines() */
export function lines(text: string, keepEnds: boolean): string[] {
  const all = (text.match(LINES) ?? []).filter((line) => line !== '')
  return keepEnds ? all : all.map((line) => line.replace(LAST_LINE_END, ''))
}

/** str.center(), ljust() and rjust(). */
export function justified(text: string, width: number, fill: string, side: 'left' | 'right' | 'center'): string {
  const missing = width - characters(text).length
  if (missing <= 0) return text
  if (missing > MAX_FILL) throw new TemplateError('the width is too large')
  if (side === 'left') return text + fill.repeat(missing)
  if (side === 'right') return fill.repeat(missing) + text
  // CPython puts the odd one on the left where the width is odd.
  const left = (missing >> 1) + (missing & width & 1)
  return fill.repeat(left) + text + fill.repeat(missing - left)
}

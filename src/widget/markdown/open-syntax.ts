import { opensEmphasis } from './cjk-emphasis.ts'
import { inlineMath } from './math.ts'

/** Further back than this many characters, syntax that nothing has closed is taken for text. */
export const MAX_OPEN = 2000

/** A single $ may be a price; these begin a formula. */
const LIKE_MATH = /^\$(?:\\|[{(|]|[A-Za-z](?![A-Za-z]))/

const SENTENCE_END = /[.!?…:;。！？：；]["'”’)）」』]?\s+$|[。！？；]["”’）」』]?$|\n$/
const LETTER = /^\p{L}/u
const IDEOGRAPH = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}]$/u

/** Something that was opened and not closed yet. */
interface Open {
  readonly mark: string
  /** What closes it. */
  readonly closer: string
  readonly at: number
}

interface Scan {
  readonly open: readonly Open[]
  /** Where the innermost unclosed [ is, and the ( of a link's unfinished address. */
  readonly bracket?: number
  readonly address?: number
  /** The first place from `minimum` on where a text may be cut in two that are inline Markdown each. */
  readonly cut?: number
}

/** Reads inline Markdown as far as it takes to know what is open at its end, or where it may be cut. */
function scan(text: string, minimum = Number.POSITIVE_INFINITY): Scan {
  let open: Open[] = []
  let brackets: number[] = []
  const rest = (mark: string, closer: string, at: number): Scan => ({
    open: [...open, { mark, closer, at }],
    bracket: brackets.at(-1),
  })

  for (let at = 0; at < text.length; ) {
    if (at >= minimum && isCut(text, at, minimum, open.length + brackets.length > 0)) return { open, cut: at }
    if (open.length > 0) open = open.filter((one) => at - one.at < MAX_OPEN)
    if (brackets.length > 0) brackets = brackets.filter((one) => at - one < MAX_OPEN)
    const character = text[at]
    const run = runLength(text, at)

    if (character === '\\') {
      const closer = { '(': '\\)', '[': '\\]' }[text[at + 1]]
      if (!closer) {
        at += 2
        continue
      }
      const end = find(text, closer, at + 2)
      if (end === 'open') return rest(text.slice(at, at + 2), closer, at)
      at = end === 'none' ? at + 2 : end + 2
    } else if (character === '`') {
      const end = findRun(text, run, at + run)
      if (end === 'open') return rest('`'.repeat(run), '`'.repeat(run), at)
      at = end === 'none' ? at + run : end + run
    } else if (character === '$') {
      const math = inlineMath(text.slice(at, at + MAX_OPEN))
      const young = text.length - at < MAX_OPEN && !/\n[ \t]*\n/.test(text.slice(at, at + MAX_OPEN))
      if (math) at += math.raw.length
      else if (young && run === 2) return rest('$$', '$$', at)
      else if (young && run === 1 && (LIKE_MATH.test(text.slice(at, at + 3)) || text.length === at + 1))
        return rest('$', '$', at)
      else at += run
    } else if (character === '*' || character === '_' || (character === '~' && run === 2)) {
      open = delimiters(text, at, run, open)
      at += run
    } else if (character === '[') {
      brackets.push(at)
      at++
    } else if (character === ']' && brackets.length > 0) {
      const bracket = brackets.pop()
      at++
      if (text[at] !== '(') continue
      const address = /^\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+"[^"\n]*"?)?/.exec(text.slice(at, at + MAX_OPEN))
      const end = at + (address?.[0].length ?? 1)
      if (text[end] === ')') at = end + 1
      else if (end === text.length) return { open, bracket, address: at }
    } else at += run
  }
  return { open, bracket: brackets.at(-1) }
}

function delimiters(text: string, at: number, run: number, open: Open[]): Open[] {
  const character = text[at]
  const before = [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? ''
  const [after = ''] = text.slice(at + run, at + run + 2)
  const word = character === '_' && /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after)
  if (word || (/\d/.test(before) && /\d/.test(after))) return open
  let left = run
  const still = [...open]
  if (opensEmphasis(after, before)) {
    while (left > 0 && still.at(-1)?.mark[0] === character) {
      const { mark, at } = still.pop()!
      if (mark.length > left) {
        const rest = mark.slice(left)
        still.push({ mark: rest, closer: rest, at })
      }
      left -= Math.min(left, mark.length)
    }
  }
  if (left === 0 || (after !== '' && !opensEmphasis(before, after))) return still
  const mark = character.repeat(left)
  return [...still, { mark, closer: mark, at: at + run - left }]
}

/** The longer the text, the less is asked of a place: the end of a sentence, then of a word, then even what is within open syntax. */
function isCut(text: string, at: number, minimum: number, inside: boolean): boolean {
  // What follows a letter at its beginning is a paragraph, whatever stood before it.
  if (!LETTER.test(text.slice(at, at + 2))) return false
  const before = text.slice(Math.max(0, at - 4), at)
  if (at >= 4 * minimum) return !/[\p{L}\p{N}]$/u.test(before) || IDEOGRAPH.test(before)
  if (inside) return false
  return SENTENCE_END.test(before) || (at >= 2 * minimum && (/\s$/.test(before) || IDEOGRAPH.test(before)))
}

function runLength(text: string, at: number): number {
  let end = at + 1
  while (text[end] === text[at]) end++
  return end - at
}

/** The place of what closes, `open` where it may still come, `none` where it is too far. */
function find(text: string, closer: string, from: number): number | 'open' | 'none' {
  const place = text.slice(from, from + MAX_OPEN).indexOf(closer)
  if (place >= 0) return from + place
  return text.length - from < MAX_OPEN ? 'open' : 'none'
}

function findRun(text: string, length: number, from: number): number | 'open' | 'none' {
  const window = text.slice(from, from + MAX_OPEN)
  const match = new RegExp(`(?<!\`)\`{${length}}(?!\`)`).exec(window)
  if (match) return from + match.index
  return text.length - from < MAX_OPEN ? 'open' : 'none'
}

/** Where a long inline text may be cut, once it has more characters than this: the same place however much of the text follows. */
export function cutOf(text: string, minimum: number): number | undefined {
  return text.length > minimum ? scan(text, minimum).cut : undefined
}

/** Inline Markdown that still grows, with what is half written closed, or kept back until it is clear. */
export function closeInline(text: string): string {
  const { bracket, address } = scan(text)
  if (bracket === undefined) return closeDelimiters(text)
  // A link is shown by its text until its address is complete.
  const image = text[bracket - 1] === '!' ? 1 : 0
  const label = text.slice(bracket + 1, address === undefined ? undefined : address - 1)
  if (label.startsWith('^')) return closeDelimiters(text.slice(0, bracket))
  return closeDelimiters(label.includes('\n') ? text : text.slice(0, bracket - image) + label)
}

function closeDelimiters(text: string): string {
  let rest = text.endsWith('\\') ? text.slice(0, -1) : text
  const { open } = scan(rest)
  // What nothing follows yet is not shown.
  let count = open.length
  while (count > 0 && rest.slice(open[count - 1].at + open[count - 1].mark.length).trim() === '') {
    rest = rest.slice(0, open[--count].at)
  }
  if (count === 0) return rest
  const closers = open.slice(0, count).map(({ closer }) => closer)
  return rest.trimEnd() + closers.reverse().join('')
}

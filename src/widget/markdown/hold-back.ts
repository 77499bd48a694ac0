import { MAX_OPEN } from './open-syntax.ts'

// What a line may become is not clear from these alone: a rule, a heading, a list, a fence, an underline, a formula, a note.
const UNCLEAR = /(?:^|\n)[ \t>]*(?:[-+*=_][-+*=_ \t]*|\d{1,9}[.)]?|#{1,6}|`+|~+|\$\$?|\\\[?|\[\^?[^\]\n]*\]?:?)?[ \t]*$/
const TABLE_LINE = /^[ \t>]*\|/
const DELIMITERS = /^[ \t>]*\|?[ \t:|-]*$/
const UNCLEAR_IN_CODE = /(?:^|\n)[ \t>]*(?:`+|~+)[ \t]*$/

/** Markdown that still grows, less the end of it that would be shown as something else a moment later. */
export function holdBack(source: string): string {
  const lines = source.replace(/\n$/, '').split('\n')
  let table = 0
  while (table < lines.length && TABLE_LINE.test(lines[lines.length - 1 - table])) table++
  const delimiters = table === 2 && DELIMITERS.test(lines.at(-1)!) && !source.endsWith('\n')
  if (table === 1 || delimiters) return lines.slice(0, -table).join('\n')
  return less(source, UNCLEAR)
}

/** The same for what stands between fences. */
export function holdBackCode(source: string): string {
  return less(source, UNCLEAR_IN_CODE)
}

function less(source: string, end: RegExp): string {
  const match = end.exec(source)
  return match ? source.slice(0, match.index) : source
}

/** Where a formula begins that stands on lines of its own and is not complete, and what completes it. */
export function openBlockMath(source: string): { at: number; closer: string } | undefined {
  const opener = /(?:^|\n) {0,3}(\$\$|\\\[)/g
  for (let match = opener.exec(source); match; match = opener.exec(source)) {
    const from = opener.lastIndex
    const closer = match[1] === '$$' ? '$$' : '\\]'
    const end = source.indexOf(closer, from)
    const blank = source.slice(from).search(/\n[ \t]*\n/)
    if (end >= 0 && (blank < 0 || end < from + blank)) opener.lastIndex = end + closer.length
    else if (blank < 0 && source.length - from < MAX_OPEN) return { at: match.index, closer }
  }
  return undefined
}

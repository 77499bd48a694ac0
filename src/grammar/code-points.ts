import type { Range } from './expression.ts'

export const LAST_CODE_POINT = 0x10ffff
const SURROGATES: Range = [0xd800, 0xdfff]

/** Ascending ranges that do not touch. */
export function union(ranges: readonly Range[]): Range[] {
  const all: [number, number][] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = all.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else all.push([first, last])
  }
  return all
}

/** All other code points; surrogates, which no text in UTF-8 has, are in no set. */
export function complement(ranges: readonly Range[]): Range[] {
  const others: Range[] = []
  let first = 0
  for (const [from, to] of union([...ranges, SURROGATES])) {
    if (from > first) others.push([first, from - 1])
    first = to + 1
  }
  return first > LAST_CODE_POINT ? others : [...others, [first, LAST_CODE_POINT]]
}

/** The code points that a regular expression of one character finds. */
export function codePointsOf(source: string): Range[] {
  const pattern = new RegExp(`^${source}$`, 'u')
  const ranges: [number, number][] = []
  for (let code = 0; code <= LAST_CODE_POINT; code++) {
    if (code === SURROGATES[0]) code = SURROGATES[1] + 1
    if (!pattern.test(String.fromCodePoint(code))) continue
    const before = ranges.at(-1)
    if (before?.[1] === code - 1) before[1] = code
    else ranges.push([code, code])
  }
  return ranges
}

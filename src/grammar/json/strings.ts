import {
  anyOf,
  choice,
  counted,
  type Expression,
  NEVER,
  oneOf,
  optional,
  type Range,
  repeat,
  rule,
  sequence,
  text,
} from '../expression.ts'
import { MAX_HELD } from '../token-lengths.ts'

export const LAST_CODE_POINT = 0x10ffff
const QUOTE = 0x22
const BACKSLASH = 0x5c
const FIRST_PRINTED = 0x20

/** Between the parts of a value: at most one space. Where any white space is allowed, a model may write nothing else to the end. */
export const SPACE: Expression = rule(() => optional(text(' ')))

/** Characters that stand for themselves in a string. */
const PLAIN = oneOf([
  [FIRST_PRINTED, QUOTE - 1],
  [QUOTE + 1, BACKSLASH - 1],
  [BACKSLASH + 1, LAST_CODE_POINT],
])

const HEX = oneOf([
  [0x30, 0x39],
  [0x41, 0x46],
  [0x61, 0x66],
])

/** `\uXXXX`: one character, so that surrogates come in pairs. */
const NUMBERED = sequence(
  text('\\u'),
  choice(
    sequence(anyOf('0123456789abcefABCEF'), repeat(HEX, 3, 3)),
    sequence(anyOf('dD'), anyOf('01234567'), repeat(HEX, 2, 2)),
    sequence(
      anyOf('dD'),
      anyOf('89abAB'),
      repeat(HEX, 2, 2),
      text('\\u'),
      anyOf('dD'),
      anyOf('cdefCDEF'),
      repeat(HEX, 2, 2),
    ),
  ),
)

/** One character of a string, in any of its spellings. */
const CHARACTER: Expression = choice(PLAIN, sequence(text('\\'), anyOf('"\\/bfnrt')), NUMBERED)

/** Any string. */
export const STRING: Expression = rule(() => sequence(text('"'), repeat(CHARACTER, 0, Infinity), text('"')))

/** A string of `min` to `max` characters. Where they are counted it is written without escapes. */
export function boundedString(min: number, max: number): Expression {
  const characters = max === Infinity && min <= MAX_HELD ? repeat(CHARACTER, min, max) : counted(PLAIN, min, max)
  return sequence(text('"'), characters, text('"'))
}

/** One of these characters as it is written in a string. */
export function inString(ranges: readonly Range[]): Expression {
  const plain: Range[] = []
  const escapes: string[] = []
  for (const [first, last] of ranges) {
    for (let code = first; code <= Math.min(last, FIRST_PRINTED - 1); code++)
      escapes.push(JSON.stringify(String.fromCharCode(code)).slice(1, -1))
    for (const code of [QUOTE, BACKSLASH])
      if (first <= code && code <= last) escapes.push(`\\${String.fromCharCode(code)}`)
    for (const [low, high] of [
      [FIRST_PRINTED, QUOTE - 1],
      [QUOTE + 1, BACKSLASH - 1],
      [BACKSLASH + 1, LAST_CODE_POINT],
    ]) {
      if (first <= high && low <= last) plain.push([Math.max(first, low), Math.min(last, high)])
    }
  }
  return choice(oneOf(plain), ...escapes.map(text))
}

/** Beginnings of names that are told apart: each is a state of its own. */
const MAX_BEGINNINGS = 12

/**
 * A string, written without escapes, that is none of `names`; nor, where these are long or many, one that begins as they do: every beginning
 * that is told apart costs.
 */
export function stringBut(names: readonly string[]): Expression {
  // Names that need an escape are never written.
  const plain = names.filter((name) => JSON.stringify(name) === `"${name}"`).map((name) => Array.from(name))
  const longest = Math.max(0, ...plain.map(({ length }) => length))
  const beginnings = (length: number) => new Set(plain.map((name) => name.slice(0, length).join(''))).size
  let depth = 1
  for (let sum = beginnings(1); depth <= longest && sum + beginnings(depth) <= MAX_BEGINNINGS; depth++)
    sum += beginnings(depth)
  const after = (endings: readonly string[][], left: number): Expression => {
    const next = new Map<string, string[][]>()
    for (const [first, ...rest] of endings) {
      if (first !== undefined) next.set(first, [...(next.get(first) ?? []), rest])
    }
    const taken = [...next.keys(), '"', '\\'].map((character) => character.codePointAt(0)!)
    return choice(
      endings.some(({ length }) => length === 0) ? NEVER : text('"'),
      sequence(oneOf(allBut(taken)), REST),
      ...Array.from(next, ([first, rests]) => (left > 1 ? sequence(text(first), after(rests, left - 1)) : NEVER)),
    )
  }
  return sequence(text('"'), after(plain, depth))
}

/** The end of a string, from anywhere in it. */
const REST: Expression = rule(() => sequence(repeat(PLAIN, 0, Infinity), text('"')))

/** Printed characters that are none of these. */
function allBut(codes: readonly number[]): Range[] {
  const ranges: Range[] = []
  let first = FIRST_PRINTED
  for (const code of [...new Set(codes)].sort((a, b) => a - b)) {
    if (code > first) ranges.push([first, code - 1])
    first = Math.max(first, code + 1)
  }
  return [...ranges, [first, LAST_CODE_POINT]]
}

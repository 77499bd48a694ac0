import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  anyOf,
  choice,
  EMPTY,
  type Expression,
  NEVER,
  oneOf,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from './expression.ts'
import { matchesEmpty, remainder } from './remainder.ts'

const { expressions } = fc.letrec<{ expressions: Expression }>((tie) => ({
  expressions: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('', 'a', 'ab', 'b😀').map((value) => (value === '' ? EMPTY : text(value))),
    fc.constantFrom('ab', 'bé', '😀').map(anyOf),
    fc.array(tie('expressions'), { minLength: 2, maxLength: 3 }).map((parts) => sequence(...parts)),
    fc.array(tie('expressions'), { minLength: 2, maxLength: 3 }).map((branches) => choice(...branches)),
    fc.tuple(tie('expressions'), fc.nat(2), fc.nat(2)).map(([part, min, more]) => repeat(part, min, min + more)),
    tie('expressions').map((part) => repeat(part, 0, Number.POSITIVE_INFINITY)),
  ),
}))

/** As JavaScript's own regular expression. */
function pattern(expression: Expression): string {
  switch (expression.kind) {
    case 'text':
      return `(?:${expression.text})`
    case 'class':
      return `[${expression.ranges.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`).join('')}]`
    case 'sequence':
      return `(?:${expression.parts.map(pattern).join('')})`
    case 'choice':
      return expression.branches.length === 0 ? '[]' : `(?:${expression.branches.map(pattern).join('|')})`
    case 'repeat':
      return `(?:${pattern(expression.part)}){${expression.min},${Number.isFinite(expression.max) ? expression.max : ''}}`
    case 'rule':
      throw new TypeError('no rules here')
  }
}

test('goes on with exactly what a text that begins so goes on with', () => {
  const texts = fc.array(fc.constantFrom('a', 'b', 'é', '😀'), { maxLength: 6 }).map((letters) => letters.join(''))
  fc.assert(
    fc.property(expressions, texts, fc.nat(6), (expression, whole, at) => {
      const letters = [...whole]
      const [begun, rest] = [letters.slice(0, at).join(''), letters.slice(at).join('')]
      const left = remainder(expression, begun)
      fc.pre(left !== undefined)
      const matches = new RegExp(`^${pattern(expression)}$`, 'u').test(whole)
      expect(new RegExp(`^${pattern(left!)}$`, 'u').test(rest)).toBe(matches)
      expect(matchesEmpty(left!)).toBe(new RegExp(`^${pattern(left!)}$`, 'u').test(''))
    }),
    { seed: 1, numRuns: 2000 },
  )
})

/** Lists in lists, of digits. */
const nested = rule((self) => sequence(text('['), optional(choice(self, oneOf([[0x30, 0x39]]))), text(']')))

test('keeps the rules that are open', () => {
  const left = remainder(nested, '[[[7')!
  expect(remainder(left, ']]]')).toBe(EMPTY)
  expect(remainder(left, ']]')).not.toBe(EMPTY)
  expect(remainder(left, '8')).toBe(NEVER)
  expect(remainder(nested, '[x')).toBe(NEVER)
})

test('does not grow where white space can be read in many ways', () => {
  const spaces = repeat(anyOf(' \n'), 0, Number.POSITIVE_INFINITY)
  const loose = sequence(spaces, spaces, spaces, text('x'), spaces, spaces, text('y'))
  const left = remainder(loose, `${' '.repeat(200)}x${'\n'.repeat(200)}`)!
  expect(remainder(left, 'y')).toBe(EMPTY)
})

test('says nothing of a rule that begins with itself', () => {
  const endless = rule((self) => choice(sequence(self, text('a')), text('a')))
  expect(remainder(endless, 'a')).toBeUndefined()
})

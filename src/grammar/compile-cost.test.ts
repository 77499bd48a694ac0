import { expect, test } from 'vitest'
import { compileCost } from './compile-cost.ts'
import { GrammarError } from './grammar-error.ts'

/** About as many as begin with a letter among 166,000. */
const FIRST_BYTES = new Uint32Array(256).fill(1500)
/** grammars.ts */
const MAX_TOKENS = 5_000_000

const words = (count: number) => Array.from({ length: count }, (_, index) => `"\\"word ${index}\\""`)

// XGrammar takes 0.1 to 0.7 s for each of these with the vocabulary of Nanbeige, and 0.1 ms for a mask.
test.each([
  ['a text of 10,000 bytes', `root ::= "${'word '.repeat(2000)}"`],
  ['a list of 2,000 texts', `root ::= (${words(2000).join(' | ')})`],
  [
    'a list of 20 texts of 500 bytes',
    `root ::= (${words(20)
      .map((word) => word.replace('word', 'word '.repeat(100)))
      .join(' | ')})`,
  ],
])('%s can be held', (_, ebnf) => {
  expect(compileCost(ebnf, FIRST_BYTES)).toBeLessThan(MAX_TOKENS)
})

test('a letter that begins a token of any other kind counts them all', () => {
  expect(compileCost('root ::= "a" [^b]*', FIRST_BYTES)).toBeGreaterThan(255 * 1500)
})

test('a letter that many things follow begins as many ways', () => {
  const rules = Array.from({ length: 1000 }, (_, index) => `b${index} ::= "c"? root?`)
  const branches = rules.map((_, index) => `"a" b${index}`)
  const grammar = `root ::= (${branches.join(' | ')})*\n${rules.join('\n')}`
  expect(() => compileCost(grammar, FIRST_BYTES)).toThrow(GrammarError)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteTokenizer, EOS_ID } from '../../test/support/fake-model.ts'
import { grammarsFor } from '../../test/support/grammars.ts'
import { has } from '../generate/token-mask.ts'
import { constraintGrammar } from './answer-ebnf.ts'
import { GrammarMemoryError } from './grammar-error.ts'
import { printClass } from './print-class.ts'

const grammars = grammarsFor(new ByteTokenizer(), [EOS_ID])

async function accepts(ebnf: string, text: string): Promise<boolean> {
  const grammar = await grammars.compile({ ebnf })
  const matcher = grammar.matcher()
  const accepted = matcher.acceptText(text) && has(matcher.allowed(), EOS_ID)
  matcher.dispose()
  grammar.dispose()
  return accepted
}

const codePoint = fc.oneof(
  fc.integer({ min: 1, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0x7ff }),
  fc.integer({ min: 0x800, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x10ffff }),
)
const range = fc.tuple(codePoint, codePoint).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)

describe('a class', () => {
  test('has the characters of its ranges, of any length in UTF-8', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(range, { minLength: 1, maxLength: 4 }),
        fc.array(codePoint, { maxLength: 8 }),
        async (ranges, codes) => {
          for (const code of [...codes, ...ranges.flat()]) {
            const isIn = ranges.some(([first, last]) => first <= code && code <= last)
            expect(await accepts(`root ::= ${printClass(ranges)}`, String.fromCodePoint(code))).toBe(isIn)
          }
        },
      ),
      { seed: 91, numRuns: 40 },
    ))

  test('of a grammar that a client sends is one of characters too', async () => {
    const { ebnf } = constraintGrammar({ kind: 'ebnf', grammar: 'root ::= [а-яё]+ # [a-z]\n | "[a-z]" [^а-я\\u0041]' })
    for (const text of ['привет', 'ё', '[a-z]b', '[a-z]é']) expect(await accepts(ebnf, text)).toBe(true)
    for (const text of ['prive', '[a-z]A', '[a-z]я', 'Ж']) expect(await accepts(ebnf, text)).toBe(false)
  })
})

describe('a regular expression', () => {
  test.each([
    ['a|bc', ['a', 'bc'], ['ac', 'ab', '']],
    ['^a+$', ['a', 'aaa'], ['', 'ba']],
    ['(?:ab){2,3}', ['abab', 'ababab'], ['ab', 'abababab']],
    ['[^a-c]\\d\\w?', ['d1', 'é2_'], ['a1', 'd']],
    ['.\\n', ['x\n', '€\n'], ['\n\n', '\u2028\n']],
    ['\\p{Lu}{2}', ['ÄB'], ['äb']],
    ['(a*)*b', ['b', 'aab'], ['a']],
  ])('%s', async (pattern, yes, no) => {
    const { ebnf } = constraintGrammar({ kind: 'regex', pattern })
    for (const text of yes) expect([text, await accepts(ebnf, text)]).toEqual([text, true])
    for (const text of no) expect([text, await accepts(ebnf, text)]).toEqual([text, false])
  })

  test('of a schema is found anywhere in a string', async () => {
    const { ebnf } = constraintGrammar({ kind: 'schema', schema: { pattern: 'a"\\d|^x|y$' }, strict: true })
    for (const text of ['a"1', 'éa"1\n', 'xa', 'ay']) expect(await accepts(ebnf, JSON.stringify(text))).toBe(true)
    for (const text of ['a1', 'ax', 'ya', '']) expect(await accepts(ebnf, JSON.stringify(text))).toBe(false)
  })
})

/** root ::= r0 r0, r0 ::= r1 r1 …, and the last may be empty. */
function doubling(rules: number): string {
  const doubled = Array.from({ length: rules }, (_, i) => `r${i} ::= r${i + 1} r${i + 1}`)
  return ['root ::= r0 r0', ...doubled, `r${rules} ::= "x"?`].join('\n')
}

describe('what a stranger sends', () => {
  test.each([
    ['nested repetitions', 'root ::= ((("a"{1,100}){1,100}){1,100}){1,100}'],
    ['deep groups', `root ::= ${'('.repeat(5000)}"a"${')'.repeat(5000)}`],
    ['rules that double, each of which may be empty', doubling(30)],
    ['the same in a circle', doubling(30).replace('"x"?', '("x" r0)?')],
    ['parts of which each may be left out', `root ::= ${'"a"? '.repeat(2000)}`],
    ['rules of which each may be left out', `root ::= ${'a '.repeat(2000)}\na ::= "a"?`],
    ['a class of many characters', `root ::= [${'ab'.repeat(95_000)}]`],
    ['a long text', `root ::= "${'a'.repeat(60_000)}"`],
    ['many rules', Array.from({ length: 60_000 }, (_, i) => `r${i} ::= "a" r${i + 1}`).join('\n')],
  ])('%s: is too large, before it is compiled', async (_, grammar) => {
    await expect(grammars.compile({ ebnf: grammar })).rejects.toMatchObject({ code: 'grammar_too_large' })
  })

  test.each([
    'root ::= "a"{1,1000000}',
    'root ::= root "a" | "a"',
    'root ::= (("a"*)*)*',
    doubling(5).replace('"x"', '[a-z]'),
    'root ::= root root | "a" | ""',
  ])('%s: is held', async (grammar) => {
    expect(await accepts(grammar, 'aaaa')).toBe(true)
  })

  test.each([
    [
      { properties: { a: { type: 'array', items: { type: 'string', pattern: '^.{90000}$' } }, b: {} } },
      "'pattern' at /properties/a/items",
    ],
    [{ pattern: '^(?:.{20}x){200}$' }, "'pattern' at the root of the schema"],
    [
      {
        $defs: { x: { pattern: '^(?:[a-z]{250}x){250}$' } },
        properties: { b: { maxLength: 9 }, c: { $ref: '#/$defs/x' } },
      },
      "'pattern' at /$defs/x",
    ],
  ])('%j: the keyword that is too large is named', async (schema, named) => {
    const compile = async () => grammars.compile(constraintGrammar({ kind: 'schema', schema, strict: true }))
    await expect(compile()).rejects.toMatchObject({
      code: 'grammar_too_large',
      message: expect.stringContaining(named),
    })
  })

  test('schemas that lead to themselves, or to far too much', async () => {
    const loop = { $defs: { a: { anyOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' }
    const wide = { allOf: Array.from({ length: 20 }, () => ({ anyOf: [{ minimum: 1 }, { maximum: 2 }] })) }
    const endless = {
      $defs: { a: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, required: ['a'] } },
      $ref: '#/$defs/a',
    }
    const codes = [loop, wide, endless].map((schema) => {
      try {
        return constraintGrammar({ kind: 'schema', schema, strict: true })
      } catch (error) {
        return (error as { code: string }).code
      }
    })
    expect(codes).toEqual(['unsupported_schema', 'grammar_too_large', 'invalid_schema'])
  })

  test('lists of texts: the bound is named', async () => {
    const schema = { enum: Array.from({ length: 1000 }, (_, index) => `${index}${'x'.repeat(95)}`) }
    const compile = async () => grammars.compile(constraintGrammar({ kind: 'schema', schema, strict: true }))
    await expect(compile()).rejects.toMatchObject({
      code: 'grammar_too_large',
      message: expect.stringMatching(/may take 50000\. Shorten what it lists.* Lower what 'enum' at the root/),
    })
  })

  test('a text that fills the memory: no later one is harmed', async () => {
    const held = await grammars.compile(constraintGrammar({ kind: 'schema', schema: { type: 'string' }, strict: true }))
    const [filling, beside] = [held.matcher(), held.matcher()]
    expect(beside.acceptText('"')).toBe(true)
    expect(() => filling.acceptText(`"${'x'.repeat(1_000_000)}`)).toThrow(GrammarMemoryError)
    // What was in the same memory says nothing rather than something wrong.
    expect(() => beside.allowed()).toThrow(GrammarMemoryError)
    expect(() => beside.accept(0x61)).toThrow(GrammarMemoryError)
    for (const owner of [filling, beside, held]) owner.dispose()
    for (let i = 0; i < 3; i++) expect(await accepts('root ::= "held"', 'held')).toBe(true)
  })

  test('more grammars than are kept, and faulty ones among them', async () => {
    const held = await grammars.compile({ ebnf: 'root ::= "held"' })
    for (let i = 0; i < 40; i++) {
      expect(await accepts(`root ::= "${i}"`, String(i))).toBe(true)
      await expect(grammars.compile({ ebnf: `root ::= "${i}` })).rejects.toMatchObject({ code: 'invalid_grammar' })
    }
    const matcher = held.matcher()
    expect(matcher.acceptText('held')).toBe(true)
    matcher.dispose()
    held.dispose()
  })
})

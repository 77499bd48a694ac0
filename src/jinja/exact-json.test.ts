import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseExactJson } from './exact-json.ts'
import { dumped } from './spelling.ts'
import { toValue } from './values.ts'

const throughPython = (text: string) => dumped(toValue(parseExactJson(text)))

describe('JSON comes out as Python’s json.loads and json.dumps would give it', () => {
  test.each([
    ['{"10": 1, "2": 2, "a": 3}', '{"10": 1, "2": 2, "a": 3}'],
    [
      '[48.0, -0.0, -0, 1e-7, 1E5, 1e16, 0.0001, 0.00001, 1e400, 123456789012345680.0]',
      '[48.0, -0.0, 0, 1e-07, 100000.0, 1e+16, 0.0001, 1e-05, Infinity, 1.2345678901234568e+17]',
    ],
    [
      '[9007199254740993, -12345678901234567890123, 999999999999999]',
      '[9007199254740993, -12345678901234567890123, 999999999999999]',
    ],
    ['{"a": 1, "b": 2, "a": {"c": []}}', '{"a": {"c": []}, "b": 2}'],
    ['{"__proto__": 1, "n": "2", "k": {"n": "3.0"}, "": 4}', '{"__proto__": 1, "n": "2", "k": {"n": "3.0"}, "": 4}'],
    [
      '  {"a\\"b" : "1.0: \\"2.0\\"" , "\\u00e9\\\\" :\n"é\\/\\u2028"}',
      '{"a\\"b": "1.0: \\"2.0\\"", "é\\\\": "é/\u2028"}',
    ],
    ['"a: 1.0"', '"a: 1.0"'],
    [' 1.0 ', '1.0'],
    ['null', 'null'],
  ])('%s', (text, expected) => {
    expect(throughPython(text)).toBe(expected)
  })

  test('any JSON keeps its values', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        // Without the numbers, which JavaScript rounds, and the order of keys.
        expect(JSON.parse(throughPython(text))).toEqual(JSON.parse(text))
      }),
      { seed: 13, numRuns: 1000 },
    )
  })

  test.each([
    '{"a": 01}',
    '[1.]',
    '{"a" 1}',
    '',
    '[NaN]',
    '"a',
    `${'['.repeat(9999)}${']'.repeat(9999)}`,
    '1'.repeat(5000),
  ])('%s is refused', (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError)
  })
})

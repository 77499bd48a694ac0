import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cut, cuts } from '../../test/support/cut.ts'
import { ToolCallScanner } from './tool-call-scanner.ts'

function scan(...pieces: string[]): ToolCallScanner {
  const scanner = new ToolCallScanner()
  for (const piece of pieces) scanner.push(piece)
  return scanner
}

/** The definition, on the whole text. */
function isCall(text: string): boolean {
  try {
    const { name, arguments: values } = JSON.parse(text)
    return typeof name === 'string' && name !== '' && typeof values === 'object' && values && !Array.isArray(values)
  } catch {
    return false
  }
}

const text = fc.string({ unit: fc.constantFrom(...'ab"\\{}[]:,\n é😀') })
const values = fc.dictionary(text, fc.oneof(text, fc.jsonValue({ maxDepth: 2 })), { maxKeys: 4 })
const call = fc
  .record({
    name: fc.string({ unit: fc.constantFrom(...'f_"\\é'), minLength: 1 }),
    values,
    nameFirst: fc.boolean(),
    space: fc.constantFrom('', ' ', '\n\t'),
    indent: fc.constantFrom(0, 2),
    more: fc.constantFrom(
      '',
      '"id": [1, "}"], ',
      '"id": -1.5e3 , ',
      '"id": {"name": "n", "arguments": {}}, ',
      '"id": null,',
    ),
  })
  .map(({ name, values, nameFirst, space, indent, more }) => {
    const written = JSON.stringify(values, null, indent)
    const members = [`"name"${space}:${space}${JSON.stringify(name)}`, `"arguments":${space}${written}`]
    if (!nameFirst) members.reverse()
    return { name, written, source: `${space}{${more}${members.join(`${space},`)}${space}}${space}` }
  })

test('a call is complete with its name and its arguments as they were written, however it is cut', () => {
  fc.assert(
    fc.property(call, cuts, ({ name, written, source }, fractions) => {
      const scanner = scan(...cut(source, fractions))
      expect([scanner.state, scanner.name, scanner.arguments]).toEqual(['complete', name, written])
    }),
    { seed: 20_240_510, numRuns: 2000 },
  )
})

test('the arguments grow, and never change', () => {
  fc.assert(
    fc.property(call, cuts, ({ written, source }, fractions) => {
      const scanner = new ToolCallScanner()
      for (const piece of cut(source, fractions)) {
        const before = scanner.arguments ?? ''
        scanner.push(piece)
        const after = scanner.arguments ?? ''
        expect([after.startsWith(before), written.startsWith(after)]).toEqual([true, true])
      }
    }),
    { seed: 20_240_511, numRuns: 1000 },
  )
})

test('of damaged calls exactly those are complete that JSON.parse takes for a call', () => {
  const damage = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.nat(3),
    insert: fc.string({ unit: fc.constantFrom(...'{}[]":,\\1 \n'), maxLength: 2 }),
  })
  fc.assert(
    fc.property(call, damage, cuts, ({ source }, { at, remove, insert }, fractions) => {
      const start = Math.floor(at * source.length)
      const damaged = source.slice(0, start) + insert + source.slice(start + remove)
      expect(scan(...cut(damaged, fractions)).state === 'complete').toBe(isCall(damaged))
    }),
    { seed: 20_240_512, numRuns: 5000 },
  )
})

describe('a call is malformed', () => {
  test.each([
    ['that is no object', '['],
    ['that is prose', 'I'],
    ['whose name is no string', '{"name": 1'],
    ['whose name is empty', '{"name": ""'],
    ['whose arguments are text', '{"name": "f", "arguments": "'],
    ['whose arguments are an array', '{"name": "f", "arguments": ['],
    ['that ends without a name', '{"arguments": {}}'],
    ['that ends without arguments', '{"name": "f"}'],
    ['with two names', '{"name": "f", "name"'],
    ['with arguments twice', '{"arguments": {}, "arguments"'],
    ['with something behind it', '{"name": "f", "arguments": {}} a'],
    ['with brackets that do not match', '{"name": "f", "arguments": {"a": [1}]}'],
    ['with a line break in a string', '{"name": "f", "arguments": {"a": "\n"}}'],
  ])('%s', (_, source) => {
    expect(scan(source.slice(0, -1)).state).not.toBe('malformed')
    expect(scan(source).state).toBe('malformed')
  })
})

test('a string is known to be open', () => {
  expect(scan('{"name": "f", "arguments": {"a": "x').inString).toBe(true)
  expect(scan('{"name": "f", "arguments": {"a": "x\\"').inString).toBe(true)
  expect(scan('{"name": "f", "arguments": {"a": "x"').inString).toBe(false)
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Secret } from './secret.ts'

const KEY = 'sk-9f/"Zq"-77aa\\Lm=='
const secret = new Secret(KEY)

test.each([
  ['as it is', KEY],
  ['in JSON', JSON.stringify(KEY)],
  ['in the JSON of PHP', JSON.stringify(KEY).replaceAll('/', '\\/')],
  ['in a URL', encodeURIComponent(KEY)],
  ['its beginning', `${KEY.slice(0, 11)}…`],
  ['its end', `***${KEY.slice(-9)}`],
])('a key %s is redacted', (_, spelling) => {
  const redacted = secret.redact(`You sent Bearer ${spelling} twice: ${spelling}.`)
  expect(redacted).toMatch(/^You sent Bearer .*\[secret\].* twice: .*\[secret\].*\.$/)
  for (let at = 0; at + 8 <= KEY.length; at++) expect(redacted).not.toContain(KEY.slice(at, at + 8))
})

test('other text stays, and a short key goes whole only', () => {
  expect(secret.redact('The model does not exist.')).toBe('The model does not exist.')
  expect(new Secret('abc').redact('ab abc cab')).toBe('ab [secret] cab')
})

test('no part of eight characters stays, wherever a text is cut', () => {
  const key = fc.stringMatching(/^[!-~]{8,40}$/)
  fc.assert(
    fc.property(key, fc.string(), fc.nat(60), (value, around, length) => {
      const redacted = new Secret(value).redact((around + value + around).slice(0, length))
      const parts = Array.from({ length: value.length - 7 }, (_, at) => value.slice(at, at + 8))
      expect(parts.filter((part) => redacted.includes(part) && !'[secret]'.includes(part))).toEqual([])
    }),
    { seed: 3, numRuns: 300 },
  )
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toyByteFallback, toyByteLevel } from '../../test/support/toy-tokenizers.ts'
import { buildTokenizerTables, tokenizerSpecFromJson } from '../pack/tokenizer/tables.ts'
import { Detokenizer, decode } from './detokenizer.ts'
import { loadTokenizer } from './load.ts'
import type { Tokenizer } from './tokenizer.ts'

const load = (json: unknown) => loadTokenizer(buildTokenizerTables(tokenizerSpecFromJson(json)))
const byteLevel = load(toyByteLevel())
const byteFallback = load(toyByteFallback())

function pushAll(detokenizer: Detokenizer, ids: readonly number[]): string[] {
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()]
}

function bytesOf(tokenizer: Tokenizer, ids: readonly number[]): Uint8Array {
  return Uint8Array.from(ids.flatMap((id) => [...tokenizer.bytes(id)]))
}

describe.each([
  ['byte-level', byteLevel],
  ['byte-fallback', byteFallback],
])('%s', (_, tokenizer) => {
  // Ids past the vocabulary too: a model may have more rows than the tokenizer has tokens.
  const anyIds = fc.array(fc.nat(tokenizer.vocabSize + 2), { maxLength: 40 })
  // Mostly bytes of real characters, so that whole ones are cut in every place.
  const byteIds = singleByteIds(tokenizer)
  const characterIds = fc
    .string({ unit: 'binary', maxLength: 12 })
    .map((text) => [...new TextEncoder().encode(text)].map((byte) => byteIds[byte]))
  const ids = fc.array(fc.oneof(anyIds, characterIds), { maxLength: 4 }).map((runs) => runs.flat())
  // The space rule has tests of its own below.
  const withoutDroppedSpaces = ids.map((all) => all.filter((id) => !tokenizer.addsSpaceAfter(id)))

  test('one by one gives what all bytes give at once, and takes nothing back', () => {
    fc.assert(
      fc.property(withoutDroppedSpaces, (all) => {
        const whole = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(bytesOf(tokenizer, all))
        let text = ''
        for (const part of pushAll(new Detokenizer(tokenizer), all)) {
          text += part
          if (!whole.startsWith(text)) break
        }
        expect(text).toBe(whole)
      }),
      { seed: 7, numRuns: 1000 },
    )
  })

  test('never gives half a character', () => {
    fc.assert(
      fc.property(ids, (all) => {
        const parts = pushAll(new Detokenizer(tokenizer, null), all)
        expect(parts.filter((part) => !part.isWellFormed())).toEqual([])
      }),
      { seed: 8, numRuns: 1000 },
    )
  })

  test('holds the bytes of a character until it is whole', () => {
    const [a, b, c, d] = [...new TextEncoder().encode('😀')].map((byte) => byteIds[byte])
    const special = tokenizer.addedToken('<s>')!
    expect(pushAll(new Detokenizer(tokenizer), [a, b, c, d])).toEqual(['', '', '', '😀', ''])
    expect(pushAll(new Detokenizer(tokenizer), [a, b, special, c, d])).toEqual(['', '', '', '', '😀', ''])
    expect(pushAll(new Detokenizer(tokenizer), [a, b])).toEqual(['', '', '\ufffd'])
    expect(pushAll(new Detokenizer(tokenizer), [a, b, a, b, c, d])).toEqual(['', '', '\ufffd', '', '', '😀', ''])
  })

  test('keeps a byte order mark', () => {
    const ids = [...new TextEncoder().encode('\ufeffa')].map((byte) => byteIds[byte])
    expect(pushAll(new Detokenizer(tokenizer), ids).join('')).toBe('\ufeffa')
  })
})

describe('the space that encode adds', () => {
  const think = byteFallback.addedToken('<say>')!
  const start = byteFallback.addedToken('<s>')!
  const [spaceA] = byteFallback.encode('a')

  test('is dropped at the start of a text and after an added token, special or not', () => {
    expect(byteFallback.encode('')).toEqual([])
    expect(byteFallback.bytes(spaceA)).toEqual(new TextEncoder().encode(' a'))
    expect(decode(byteFallback, [spaceA, spaceA])).toBe('a a')
    expect(decode(byteFallback, [start, spaceA, think, spaceA, spaceA])).toBe('a<say>a a')
  })

  test('is kept where the ids go on in running text', () => {
    expect(new Detokenizer(byteFallback).push(spaceA)).toBe(' a')
    expect(new Detokenizer(byteFallback, spaceA).push(spaceA)).toBe(' a')
    expect(new Detokenizer(byteFallback, think).push(spaceA)).toBe('a')
    expect(new Detokenizer(byteFallback, null).push(spaceA)).toBe('a')
  })

  test('is one space at most, and waits over ids without a piece', () => {
    const hole = byteFallback.vocabSize + 1
    expect(decode(byteFallback, byteFallback.encode('  a'))).toBe('  a')
    expect(decode(byteFallback, [hole, spaceA, spaceA])).toBe('a a')
  })

  test('does not exist in byte-level vocabularies', () => {
    const [space] = byteLevel.encode(' ')
    expect(decode(byteLevel, [space, byteLevel.addedToken('<s>')!, space])).toBe('  ')
  })
})

function singleByteIds(tokenizer: Tokenizer): number[] {
  const ids: number[] = []
  for (let id = tokenizer.vocabSize - 1; id >= 0; id--) {
    const bytes = tokenizer.bytes(id)
    if (bytes.length === 1) ids[bytes[0]] = id
  }
  return ids
}

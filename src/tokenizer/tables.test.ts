import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toyByteFallback, toyByteLevel } from '../../test/support/toy-tokenizers.ts'
import { buildTokenizerTables, tokenizerSpecFromJson } from '../pack/tokenizer/tables.ts'
import { loadTokenizer } from './load.ts'
import { TokenizerTablesError } from './tables.ts'

describe.each([
  ['byte-level', toyByteLevel()],
  ['byte-fallback', toyByteFallback()],
])('%s tables', (_, json) => {
  const tables = buildTokenizerTables(tokenizerSpecFromJson(json))
  const withWord = (index: number, value: number) => {
    const copy = tables.slice()
    new DataView(copy.buffer).setUint32(index * 4, value, true)
    return copy
  }

  test.each([
    ['magic number', 0, 1, /magic/],
    ['version', 1, 99, /version 99/],
    ['kind', 2, 9, /kind 9/],
    ['flags', 3, 6, /flags 6/],
    ['vocabulary size', 4, 3, /header says/],
    ['merge count', 5, 0xffffffff, /merges/],
    ['piece bytes', 8, 0, /header says/],
  ])('with a wrong %s are refused', (_, word, value, message) => {
    expect(() => loadTokenizer(withWord(word, value))).toThrow(TokenizerTablesError)
    expect(() => loadTokenizer(withWord(word, value))).toThrow(message)
  })

  test('cut short or too long are refused', () => {
    fc.assert(
      fc.property(fc.nat(tables.length - 1), (length) => {
        expect(() => loadTokenizer(tables.slice(0, length))).toThrow(TokenizerTablesError)
      }),
      { seed: 5 },
    )
    expect(() => loadTokenizer(new Uint8Array([...tables, 0]))).toThrow(TokenizerTablesError)
  })

  test('with any word changed are refused, or encoding ends and fails in no other way', () => {
    const outcomes = new Set<boolean>()
    fc.assert(
      fc.property(fc.nat((tables.length >> 2) - 1), fc.nat(0xffffffff), (word, value) => {
        try {
          const tokenizer = loadTokenizer(withWord(word, value))
          for (const id of tokenizer.encode('abc aab <say> 世界 😀')) tokenizer.bytes(id)
          outcomes.add(true)
        } catch (error) {
          expect(error).toBeInstanceOf(TokenizerTablesError)
          outcomes.add(false)
        }
      }),
      { seed: 6, numRuns: 1000 },
    )
    expect(outcomes.size).toBe(2)
  })

  test('the error has a code and says what to do', () => {
    expect(() => loadTokenizer(new Uint8Array(8))).toThrow(
      expect.objectContaining({
        code: 'tokenizer_tables_invalid',
        message: expect.stringMatching(/Make the pack again/),
      }),
    )
  })
})

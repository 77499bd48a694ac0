import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byteLevelOracle, randomText } from '../../test/support/byte-level-oracle.ts'
import { smolLm2Tables } from '../../test/support/smollm2-tokenizer-tables.ts'
import { describeTables } from '../pack/tokenizer/describe-tables.ts'
import { decode } from './detokenizer.ts'
import { loadTokenizer } from './load.ts'

const tables = smolLm2Tables()

// The pre-tokenizer of SmolLM2's tokenizer.json.
const asPublished = [
  { type: 'Digits', individual_digits: true },
  { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
]
// The same in other words. In @huggingface/tokenizers, Digits is \d, ASCII only, where the Rust library that the model
// was trained with takes every \p{N}; and ByteLevel's \s is JavaScript's, with U+FEFF and without U+0085.
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
const split = (pattern: string) => ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false })
const asTheRustLibraryReadsIt = [
  split('\\p{N}'),
  split(GPT2.replaceAll('\\s', '\\p{White_Space}').replaceAll('\\S', '\\P{White_Space}')),
  { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
]
const readDifferently = /[^\P{N}0-9]|[\u0085\ufeff]/u

describe.skipIf(!tables)('SmolLM2 (skipped without weights/smollm2-135m-instruct)', () => {
  const tokenizer = tables && loadTokenizer(tables)

  test('gives the ids and texts of the Rust library', () => {
    const { cases } = JSON.parse(readFileSync('test/fixtures/tokenizer-smollm2.json', 'utf8'))
    expect(cases.length).toBeGreaterThan(200)
    for (const { text, ids, decoded } of cases) {
      expect(tokenizer!.encode(text), JSON.stringify(text)).toEqual(ids)
      expect(decode(tokenizer!, ids)).toBe(decoded)
    }
  })

  test('gives the ids of @huggingface/tokenizers for 10,000 random texts', () => {
    const description = describeTables(tables!)
    const published = byteLevelOracle(description, asPublished)
    const respelled = byteLevelOracle(description, asTheRustLibraryReadsIt)
    let compared = 0
    fc.assert(
      fc.property(randomText(description), (text) => {
        const asPublishedToo = !readDifferently.test(text)
        if (asPublishedToo) compared++
        expect(tokenizer!.encode(text)).toEqual(asPublishedToo ? published(text) : respelled(text))
      }),
      { seed: 20, numRuns: 10_000 },
    )
    expect(compared).toBeGreaterThan(5_000)
  })
})

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byteLevelOracle, randomText } from '../../test/support/byte-level-oracle.ts'
import { hasQwen, qwenTables } from '../../test/support/qwen.ts'
import { toyQwen2 } from '../../test/support/toy-tokenizers.ts'
import { describeTables } from '../pack/tokenizer/describe-tables.ts'
import { buildTokenizerTables, tokenizerSpecFromJson } from '../pack/tokenizer/tables.ts'
import { decode } from './detokenizer.ts'
import { loadTokenizer } from './load.ts'

// As the Rust library reads Qwen2's pattern: src/tokenizer/smollm2.test.ts says where @huggingface/tokenizers reads it differently.
const WORDS =
  "(?:'[sS\u017f]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
const pattern = WORDS.replaceAll('[^\\s', '[^\\p{White_Space}')
  .replaceAll('\\S', '\\P{White_Space}')
  .replaceAll('\\s', '\\p{White_Space}')
const pretokenizers = [
  { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
  { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
]

function comparesWithOracle(tables: Uint8Array): void {
  const tokenizer = loadTokenizer(tables)
  const description = describeTables(tables)
  const oracle = byteLevelOracle(description, pretokenizers, { type: 'NFC' })
  fc.assert(
    fc.property(randomText(description), (text) => {
      expect(tokenizer.encode(text)).toEqual(oracle(text))
    }),
    { seed: 21, numRuns: 10_000 },
  )
}

test('a toy of its kind gives the ids of @huggingface/tokenizers for 10,000 random texts', () => {
  comparesWithOracle(buildTokenizerTables(tokenizerSpecFromJson(toyQwen2())))
})

test('a pattern that is nearly its own is refused', () => {
  const toy = toyQwen2()
  const [split, ...rest] = toy.pre_tokenizer.pretokenizers
  const other = { ...split, pattern: { Regex: '\\s+' } }
  const changed = { ...toy, pre_tokenizer: { ...toy.pre_tokenizer, pretokenizers: [other, ...rest] } }
  expect(() => tokenizerSpecFromJson(changed)).toThrow(/pre_tokenizer/)
  expect(() => tokenizerSpecFromJson({ ...toy, normalizer: null })).toThrow(/normalizer/)
})

describe.skipIf(!hasQwen)('Qwen2.5 (skipped where `npm run model:qwen` has not run)', () => {
  test('gives the ids and texts of the Rust library', () => {
    const tokenizer = loadTokenizer(qwenTables())
    const { cases } = JSON.parse(readFileSync('test/fixtures/tokenizer-qwen2.json', 'utf8'))
    expect(cases.length).toBeGreaterThan(200)
    for (const { text, ids, decoded } of cases) {
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids)
      expect(decode(tokenizer, ids)).toBe(decoded)
    }
  })

  test('gives the ids of @huggingface/tokenizers for 10,000 random texts', () => {
    comparesWithOracle(qwenTables())
  })
})

import { describe, expect, test } from 'vitest'
import { toyByteFallback, toyByteLevel } from '../../../test/support/toy-tokenizers.ts'
import { loadTokenizer } from '../../tokenizer/load.ts'
import { describeTables } from './describe-tables.ts'
import { UnsupportedTokenizerError } from './spec.ts'
import { buildTokenizerTables, tokenizerSpecFromGguf, tokenizerSpecFromJson } from './tables.ts'

const byteLevel = toyByteLevel()
const byteFallback = toyByteFallback()
type Toy = typeof byteLevel | typeof byteFallback

/** The GGUF metadata that llama.cpp's converter would write for a toy. */
function ggufOf(toy: Toy): Record<string, unknown> {
  const tokens: string[] = []
  const types: number[] = []
  for (const [piece, id] of Object.entries(toy.model.vocab)) {
    tokens[id] = piece
    types[id] = /^<0x..>$/.test(piece) ? 6 : 1
  }
  for (const { id, content, special } of toy.added_tokens) {
    tokens[id] = content
    types[id] = special ? 3 : 4
  }
  for (let id = 0; id < tokens.length; id++) {
    tokens[id] ??= `[PAD${id}]`
    types[id] ??= 5
  }
  return {
    'tokenizer.ggml.model': toy.model.byte_fallback ? 'llama' : 'gpt2',
    'tokenizer.ggml.pre': toy.model.byte_fallback ? 'default' : 'smollm',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': types,
    'tokenizer.ggml.merges': toy.model.merges.map((pair) => pair.join(' ')),
    'tokenizer.ggml.scores': tokens.map((_, id) => -id),
  }
}

describe.each([
  ['byte-level', byteLevel],
  ['byte-fallback', byteFallback],
])('%s tokenizer.json', (_, toy) => {
  test('is all in the tables', () => {
    const description = describeTables(buildTokenizerTables(tokenizerSpecFromJson(toy)))
    const expected: string[] = []
    for (const [piece, id] of Object.entries(toy.model.vocab)) expected[id] = piece
    for (const { id, content } of toy.added_tokens) expected[id] = content
    expect(description.pieces).toEqual(Array.from(expected))
    expect(description.merges).toEqual(toy.model.merges)
    expect(description.added).toEqual(
      toy.added_tokens.map(({ id, content, special }) => ({ id, text: content, special })),
    )
    expect(description.prefixSpace).toBe(toy.model.byte_fallback)
  })

  test('takes merges written as one string', () => {
    const model = { ...toy.model, merges: toy.model.merges.map((pair) => pair.join(' ')) }
    expect(buildTokenizerTables(tokenizerSpecFromJson({ ...toy, model }))).toEqual(
      buildTokenizerTables(tokenizerSpecFromJson(toy)),
    )
  })

  test('takes added tokens from tokenizer_config.json, which wins', () => {
    const [special, plain] = toy.added_tokens
    const end = special.id + 2
    const config = {
      added_tokens_decoder: {
        [plain.id]: { ...plain, special: true },
        [end]: { ...plain, content: '</say>', special: false },
      },
    }
    const tokenizer = loadTokenizer(buildTokenizerTables(tokenizerSpecFromJson(toy, config)))
    expect(tokenizer.isSpecial(plain.id)).toBe(true)
    expect(tokenizer.encode('<say></say>')).toEqual([plain.id, end])
  })
})

test('without the Prepend normalizer there is no prefix space', () => {
  const spec = tokenizerSpecFromJson({ ...byteFallback, normalizer: byteFallback.normalizer.normalizers[1] })
  expect(spec.prefixSpace).toBe(false)
  expect(loadTokenizer(buildTokenizerTables(spec)).encode('a')).toEqual([byteFallback.model.vocab.a])
})

test('a GGUF file of the smollm pre-tokenizer gives the same merges and added tokens as its tokenizer.json', () => {
  const [gguf, json] = [tokenizerSpecFromGguf({ ...ggufOf(byteLevel) }), tokenizerSpecFromJson(byteLevel)].map((spec) =>
    describeTables(buildTokenizerTables(spec)),
  )
  expect(gguf).toEqual(json)
})

test('a GGUF file of the llama model merges by score, ties from left to right', () => {
  const metadata = ggufOf(byteFallback)
  const { vocab } = byteFallback.model
  const scores = new Array((metadata['tokenizer.ggml.tokens'] as string[]).length).fill(-9)
  const encode = (text: string) =>
    loadTokenizer(
      buildTokenizerTables(
        tokenizerSpecFromGguf({
          ...metadata,
          'tokenizer.ggml.scores': scores,
          'tokenizer.ggml.add_space_prefix': false,
        }),
      ),
    ).encode(text)
  expect(encode('abc')).toEqual([vocab.abc])
  expect(encode('aaa')).toEqual([vocab.aaa])
  expect(encode('abca')).toEqual([vocab.abc, vocab.a])
  scores[vocab.ca] = -1
  expect(encode('abca')).toEqual([vocab.ab, vocab.ca])
})

/** Lists in lists, deeper than a stack. */
const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)

test('takes added tokens of which little is said, as transformers does', () => {
  const [{ id, content }] = byteLevel.added_tokens
  const spec = tokenizerSpecFromJson({ ...byteLevel, added_tokens: [{ id, content, lstrip: null }] })
  expect(spec.added).toEqual([{ id, text: content, special: false }])
  const config = { added_tokens_decoder: null }
  expect(tokenizerSpecFromJson({ ...byteLevel, added_tokens: null }, config).added).toEqual([])
})

test.each<[string, Toy, object, RegExp]>([
  ['model type', byteLevel, { model: { ...byteLevel.model, type: 'Unigram' } }, /model\.type/],
  ['suffix', byteLevel, { model: { ...byteLevel.model, end_of_word_suffix: '</w>' } }, /end_of_word_suffix/],
  ['ignore_merges', byteLevel, { model: { ...byteLevel.model, ignore_merges: true } }, /ignore_merges/],
  ['dropout', byteLevel, { model: { ...byteLevel.model, dropout: 0.1 } }, /dropout/],
  ['pre-tokenizer', byteLevel, { pre_tokenizer: { type: 'Metaspace' } }, /pre_tokenizer.*Metaspace/],
  ['pre-tokenizer', byteFallback, { pre_tokenizer: { type: 'Metaspace' } }, /pre_tokenizer.*Metaspace/],
  ['normalizer', byteLevel, { normalizer: { type: 'NFC' } }, /normalizer.*NFC/],
  ['normalizer', byteFallback, { normalizer: { type: 'NFKC' } }, /normalizer.*NFKC/],
  ['normalizer', byteFallback, { normalizer: null }, /normalizer/],
  ['lstrip', byteLevel, { added_tokens: [{ ...byteLevel.added_tokens[0], lstrip: true }] }, /lstrip.*<s>/],
  ['merge', byteLevel, { model: { ...byteLevel.model, merges: [['x', 'y']] } }, /merge \["x","y"\]/],
  [
    'merge',
    byteLevel,
    {
      model: {
        ...byteLevel.model,
        merges: [
          ['a', 'b'],
          ['a', 'b'],
        ],
      },
    },
    /merge in two ways/,
  ],
  ['piece', byteLevel, { model: { ...byteLevel.model, vocab: { ...byteLevel.model.vocab, 世: 999 } } }, /世/],
  ['byte piece', byteFallback, { model: { ...byteFallback.model, vocab: { a: 0 }, merges: [] } }, /byte 0/],
  ['file', byteLevel, { model: undefined }, /tokenizer\.json, model/],
  ...(['7', null, -1, 1.5, 2 ** 32, [], {}] as const).map((id): [string, Toy, object, RegExp] => [
    `id ${JSON.stringify(id)}`,
    byteLevel,
    { model: { ...byteLevel.model, vocab: { ...byteLevel.model.vocab, ab: id } } },
    /model\.vocab: piece "ab" has no number as its id/,
  ]),
  [
    'id of two pieces',
    byteLevel,
    { model: { ...byteLevel.model, vocab: { ...byteLevel.model.vocab, zz: 5 } } },
    /id 5 is/,
  ],
  [
    'id of a piece and an added token',
    byteLevel,
    { added_tokens: [{ ...byteLevel.added_tokens[0], id: 5 }] },
    /id 5 is/,
  ],
  [
    'id of an added token',
    byteLevel,
    { added_tokens: [{ ...byteLevel.added_tokens[0], id: 2 ** 31 }] },
    /added_tokens\.0\.id/,
  ],
  [
    'text of two added tokens',
    byteLevel,
    { added_tokens: [byteLevel.added_tokens[0], { ...byteLevel.added_tokens[0], id: 900 }] },
    /"<s>" has the ids \d+ and 900/,
  ],
  [
    'text of an added token',
    byteLevel,
    { added_tokens: [{ ...byteLevel.added_tokens[0], content: 'ab' }] },
    /"ab" has the ids/,
  ],
  ['merge of three', byteLevel, { model: { ...byteLevel.model, merges: ['a b c'] } }, /merge "a b c"/],
  ['part without end', byteLevel, { normalizer: nested(20_000) }, /normalizer of an unknown form/],
])('an unsupported %s is named', (_, toy, change, message) => {
  const build = () => buildTokenizerTables(tokenizerSpecFromJson({ ...toy, ...change }))
  expect(build).toThrow(UnsupportedTokenizerError)
  expect(build).toThrow(message)
})

test.each<[string, Toy, object, RegExp]>([
  ['model', byteLevel, { model: 't5' }, /model "t5"/],
  ['pre-tokenizer', byteLevel, { pre: 'qwen35' }, /pre "qwen35"/],
  ['lack of tokens', byteLevel, { tokens: undefined }, /tokenizer\.ggml\.tokens/],
  ['lack of scores', byteFallback, { scores: [] }, /no score/],
  ['whitespace removal', byteFallback, { remove_extra_whitespaces: true }, /remove_extra_whitespaces/],
  ['repeated piece', byteFallback, { tokens: ['a', 'a'], token_type: [1, 1] }, /"a" has two ids/],
])('an unsupported GGUF %s is named', (_, toy, change, message) => {
  const changes = Object.fromEntries(Object.entries(change).map(([key, value]) => [`tokenizer.ggml.${key}`, value]))
  const read = () => tokenizerSpecFromGguf({ ...ggufOf(toy), ...changes })
  expect(read).toThrow(UnsupportedTokenizerError)
  expect(read).toThrow(message)
})

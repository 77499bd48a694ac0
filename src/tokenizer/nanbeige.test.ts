import { Tokenizer as Oracle } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { nanbeigeJson, nanbeigeTables, nanbeigeTokenizerJson } from '../../test/support/nanbeige.ts'
import { describeTables } from '../pack/tokenizer/describe-tables.ts'
import { decode } from './detokenizer.ts'
import { loadTokenizer } from './load.ts'
import type { Tokenizer } from './tokenizer.ts'

interface Vectors {
  readonly strings: readonly { text: string; ids_slow_like: number[]; ids_fast: number[]; decoded_fast: string }[]
  readonly chats: readonly { prompt: string; ids_slow_like: number[] }[]
}

describe('Nanbeige', () => {
  let json: { model: { vocab: Record<string, number>; merges: string[][] } }
  let tables: Uint8Array
  let tokenizer: Tokenizer
  let vectors: Vectors

  beforeAll(() => {
    json = JSON.parse(nanbeigeTokenizerJson())
    tables = nanbeigeTables()
    tokenizer = loadTokenizer(tables)
    vectors = nanbeigeJson('vectors.json')
  })

  test('gives the ids of the slow tokenizer that the model was trained with', () => {
    const texts = [...vectors.strings, ...vectors.chats.map(({ prompt, ...chat }) => ({ ...chat, text: prompt }))]
    expect(texts.length).toBeGreaterThan(0)
    for (const { text, ids_slow_like } of texts) {
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids_slow_like)
      expect(decode(tokenizer, ids_slow_like)).toBe(text.replaceAll(/<\|im_(start|end)\|>/g, ''))
    }
  })

  test('decodes the ids of the fast tokenizer too', () => {
    for (const { ids_fast, decoded_fast } of vectors.strings) expect(decode(tokenizer, ids_fast)).toBe(decoded_fast)
  })

  test('gives the ids of @huggingface/tokenizers where there are no added tokens', () => {
    const oracle = new Oracle(json as unknown as ConstructorParameters<typeof Oracle>[0], {})
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.string({ unit: 'grapheme', maxLength: 8 }),
      fc.constantFrom(
        'the',
        ' of',
        'ing',
        '    ',
        '\n\n',
        '42',
        '你好',
        '直聘',
        '世界',
        '，',
        '▁',
        '😀',
        'return x;\n',
      ),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
        const text = parts.join('')
        expect(tokenizer.encode(text)).toEqual(oracle.encode(text, { add_special_tokens: false }).ids)
      }),
      { seed: 22, numRuns: 2000 },
    )
  })

  test('keeps thinking and tool tokens visible and control tokens not', () => {
    const special = ['<unk>', '<s>', '</s>', '<|im_start|>', '<|im_end|>', '<|endoftext|>']
    const plain = ['<think>', '</think>', '<tool_call>', '</tool_call>']
    for (const text of special) expect(tokenizer.isSpecial(tokenizer.addedToken(text)!), text).toBe(true)
    for (const text of plain) expect(tokenizer.isSpecial(tokenizer.addedToken(text)!), text).toBe(false)
    expect(tokenizer.vocabSize).toBe(166107)
  })

  test('has the whole vocabulary and all merges in its tables', () => {
    const description = describeTables(tables)
    const merges = description.merges.map((pair) => pair.join(' '))
    expect(merges).toEqual(json.model.merges.map((pair) => pair.join(' ')))
    for (const [piece, id] of Object.entries(json.model.vocab)) {
      if (description.pieces[id] !== piece) expect(description.pieces[id]).toBe(piece)
    }
  })
})

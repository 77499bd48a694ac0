import { readFileSync } from 'node:fs'
import { gguf } from '@huggingface/gguf'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildTokenizerTables, tokenizerSpecFromGguf } from '../pack/tokenizer/tables.ts'
import { decode } from './detokenizer.ts'
import { loadTokenizer } from './load.ts'
import type { Tokenizer } from './tokenizer.ts'

const FILE = 'test/fixtures/llama-spm/ggml-vocab-llama-spm.gguf'

describe('Llama SPM', () => {
  let tokenizer: Tokenizer
  let pieces: string[]
  let scores: number[]

  beforeAll(async () => {
    const metadata = (await gguf(FILE, { allowLocalFile: true })).metadata as unknown as Record<string, unknown>
    tokenizer = loadTokenizer(buildTokenizerTables(tokenizerSpecFromGguf(metadata)))
    pieces = metadata['tokenizer.ggml.tokens'] as string[]
    scores = metadata['tokenizer.ggml.scores'] as number[]
  })

  test("gives the ids of llama.cpp's test vectors", () => {
    // tests/test-tokenizer-0.cpp: each text ends in this separator, each line of ids belongs to one text.
    const texts = readFileSync(`${FILE}.inp`, 'utf8').split('\n__ggml_vocab_test__\n').slice(0, -1)
    const lines = readFileSync(`${FILE}.out`, 'utf8').split('\n').slice(0, -1)
    expect(lines.length).toBe(texts.length)
    texts.forEach((text, i) => {
      const ids = lines[i].trim() === '' ? [] : lines[i].trim().split(' ').map(Number)
      expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids)
      expect(decode(tokenizer, ids)).toBe(text)
    })
  })

  test('merges the neighbours of the best score, leftmost first', () => {
    const ids = new Map(pieces.map((piece, id) => [piece, id]))
    // Straight from the definition, quadratic.
    const reference = (text: string): number[] => {
      const symbols = [...` ${text}`.replaceAll(' ', '▁')]
      for (;;) {
        let best = -1
        let bestScore = Number.NEGATIVE_INFINITY
        for (let i = 0; i + 1 < symbols.length; i++) {
          const id = ids.get(symbols[i] + symbols[i + 1])
          if (id !== undefined && scores[id] > bestScore) {
            best = i
            bestScore = scores[id]
          }
        }
        if (best < 0) break
        symbols.splice(best, 2, symbols[best] + symbols[best + 1])
      }
      return symbols.flatMap(
        (symbol) => ids.get(symbol) ?? [...new TextEncoder().encode(symbol)].map((byte) => byte + 3),
      )
    }
    const text = fc
      .array(
        fc.oneof(
          fc.constantFrom('the', ' of', 'ing', 'tion', '    ', '  ', '\n', '7', 'é', '中', '😀', '▁', '==', '....'),
          fc.string({ unit: 'grapheme-ascii', maxLength: 5 }),
        ),
        { minLength: 1, maxLength: 12 },
      )
      .map((parts) => parts.join(''))
      .filter((text) => text !== '' && !/<s>|<\/s>|<unk>|<0x/.test(text))
    fc.assert(
      fc.property(text, (text) => {
        expect(tokenizer.encode(text)).toEqual(reference(text))
      }),
      { seed: 21, numRuns: 1000 },
    )
  })

  test('gives control tokens written in the text', () => {
    expect(tokenizer.encode('<s>Hello</s>')).toEqual([1, ...tokenizer.encode('Hello'), 2])
  })
})

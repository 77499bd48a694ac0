import { Tokenizer as Oracle } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toyByteFallback, toyByteLevel, toyText } from '../../test/support/toy-tokenizers.ts'
import { buildTokenizerTables, tokenizerSpecFromJson } from '../pack/tokenizer/tables.ts'
import { decode } from './detokenizer.ts'
import { loadTokenizer } from './load.ts'

const toys = { 'byte-level': toyByteLevel(), 'byte-fallback': toyByteFallback() }

describe.each(Object.entries(toys))('%s', (kind, json) => {
  const tables = buildTokenizerTables(tokenizerSpecFromJson(json))
  const tokenizer = loadTokenizer(tables)
  const [special, plain, longer] = json.added_tokens

  test('gives the ids of @huggingface/tokenizers', () => {
    const oracle = new Oracle(json, {})
    fc.assert(
      fc.property(toyText, (text) => {
        // There \d is ASCII only and \s other than in the reference: src/tokenizer/smollm2.test.ts.
        fc.pre(!/[^\P{N}0-9]|[\u0085\ufeff]/u.test(text))
        expect(tokenizer.encode(text)).toEqual(oracle.encode(text, { add_special_tokens: false }).ids)
      }),
      { seed: 3, numRuns: 1000 },
    )
  })

  test('decodes what it encodes, special tokens apart', () => {
    fc.assert(
      fc.property(toyText, (text) => {
        expect(decode(tokenizer, tokenizer.encode(text))).toBe(text.replaceAll('<s>', '').replaceAll('▁', ' '))
      }),
      { seed: 4, numRuns: 1000 },
    )
  })

  test('finds the longest added token, leftmost first', () => {
    expect(tokenizer.encode('<say>bc<say><s>')).toEqual([longer.id, plain.id, special.id])
    expect(tokenizer.addedToken('<say>')).toBe(plain.id)
    expect(tokenizer.addedToken('a')).toBeUndefined()
  })

  test('knows pieces, special tokens and holes', () => {
    expect(tokenizer.vocabSize).toBe(longer.id + 1)
    expect(new TextDecoder().decode(tokenizer.bytes(plain.id))).toBe('<say>')
    expect(tokenizer.isSpecial(special.id)).toBe(true)
    expect(tokenizer.isSpecial(plain.id)).toBe(false)
    for (const id of [special.id, longer.id - 1, tokenizer.vocabSize, -1]) {
      expect(tokenizer.bytes(id)).toHaveLength(0)
    }
  })

  test('adds a space after the start and added tokens only where the vocabulary does', () => {
    const fallback = kind === 'byte-fallback'
    expect([null, special.id, plain.id, 0].map((id) => tokenizer.addsSpaceAfter(id))).toEqual([
      fallback,
      fallback,
      fallback,
      false,
    ])
  })

  test('takes U+FFFD for a lone surrogate', () => {
    expect(tokenizer.encode('a\ud83db')).toEqual(tokenizer.encode('a\ufffdb'))
  })

  test('reads tables at any offset of a buffer', () => {
    for (const offset of [1, 2, 3, 4]) {
      const shard = new Uint8Array(tables.length + offset)
      shard.set(tables, offset)
      expect(loadTokenizer(shard.subarray(offset)).encode('abc <say> 世界')).toEqual(tokenizer.encode('abc <say> 世界'))
    }
  })

  test('gives the same ids before and after a segment longer than its working memory', () => {
    const long = 'abcab'.repeat(10_000)
    const before = tokenizer.encode('abcab')
    const ids = tokenizer.encode(long)
    expect(decode(tokenizer, ids)).toBe(long)
    expect(tokenizer.encode(long)).toEqual(ids)
    expect(tokenizer.encode('abcab')).toEqual(before)
  })

  describe('in steps', () => {
    const long = 'abcab'.repeat(30_000)

    test('gives the same ids, whoever else encodes meanwhile', () => {
      const texts = [long, `${long}c`, 'abc <say> 世界', long]
      const steps = texts.map((text) => tokenizer.encodeInSteps(text, Number.POSITIVE_INFINITY))
      const ids = texts.map((): number[] | undefined => undefined)
      for (let going = texts.length, round = 0; going > 0; round++) {
        const index = round % texts.length
        if (ids[index]) continue
        const step = steps[index].next()
        if (!step.done) continue
        ids[index] = step.value
        going--
      }
      expect(ids).toEqual(texts.map((text) => tokenizer.encode(text)))
    })

    test('ends with the ids that fit, or without any', () => {
      const text = 'abc <say> 世界 '.repeat(5000)
      const all = tokenizer.encode(text)
      const last = (max: number) => {
        const steps = tokenizer.encodeInSteps(text, max)
        let taken = 0
        for (let step = steps.next(); ; step = steps.next(), taken++) if (step.done) return { ids: step.value, taken }
      }
      expect(last(all.length).ids).toEqual(all)
      expect(last(all.length - 1).ids).toBeUndefined()
      // So many characters cannot be so few ids: nothing is begun.
      expect(last(10)).toEqual({ ids: undefined, taken: 0 })
      expect(tokenizer.encode(text)).toEqual(all)
    })
  })
})

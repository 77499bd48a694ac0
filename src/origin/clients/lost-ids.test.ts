import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { smolLm2Tables } from '../../../test/support/smollm2-tokenizer-tables.ts'
import { loadTokenizer } from '../../tokenizer/load.ts'
import type { Tokenizer } from '../../tokenizer/tokenizer.ts'
import { lostIds } from './lost-ids.ts'

/** Pieces by id; encode takes the longest that fits. */
function toy(pieces: number[][]): Tokenizer {
  return {
    vocabSize: pieces.length,
    bytes: (id) => Uint8Array.from(pieces[id]),
    encodeInSteps: () => {
      throw new Error('not needed here')
    },
    encode(text) {
      const ids: number[] = []
      for (
        let rest = [...new TextEncoder().encode(text)];
        rest.length > 0;
        rest = rest.slice(pieces[ids.at(-1)!].length)
      ) {
        const fits = [...pieces.keys()].filter((id) => pieces[id].every((byte, index) => byte === rest[index]))
        ids.push(fits.sort((a, b) => pieces[b].length - pieces[a].length)[0])
      }
      return ids
    },
    isSpecial: () => false,
    addedTexts: [],
    addedToken: () => undefined,
    addsSpaceAfter: () => false,
  }
}

const [F0, B9F, B98, B80] = [0xf0, 0x9f, 0x98, 0x80]
const single = [[F0], [B9F], [B98], [B80]]

describe('lostIds', () => {
  test('are told by their bytes', () => {
    expect(lostIds(toy(single), '😀', 3, 4)).toEqual([0, 1, 2])
    expect(lostIds(toy([...single, [0x20, F0, B9F, B98]]), ' 😀', 3, 2)).toEqual([4])
  })

  test('of several ways the tokenizer’s own is taken', () => {
    const tokenizer = toy([...single, [F0, B9F], [B9F, B98]])
    expect(lostIds(tokenizer, '😀', 3, 3)).toEqual([4, 2])
  })

  test('are not guessed', () => {
    // Both ways fit, and the tokenizer would take one token.
    const tokenizer = toy([...single, [F0, B9F], [B9F, B98], [F0, B9F, B98, B80]])
    expect(lostIds(tokenizer, '😀', 3, 3)).toBeUndefined()
    expect(lostIds(toy(single), '\ufffd', 3, 2)).toBeUndefined()
    expect(lostIds(toy(single), '😀', 3, 3)).toBeUndefined()
    expect(lostIds(toy(single), '😀', 0, 4)).toBeUndefined()
  })
})

const tables = smolLm2Tables()
describe.skipIf(!tables)('lostIds of SmolLM2’s vocabulary', () => {
  const tokenizer = loadTokenizer(tables!)
  const characters = [...'😀🧬好こξ你界é한€𝔘']

  test('are those that were encoded', () => {
    fc.assert(
      fc.property(fc.constantFrom(...characters), fc.constantFrom('', ' '), (character, space) => {
        const text = space + character
        const ids = tokenizer.encode(text)
        // A space of its own is no part of a character, and so not held back.
        if (ids.length === 1 || tokenizer.bytes(ids[0]).every((byte) => byte < 0x80)) return
        expect(lostIds(tokenizer, text, ids.at(-1)!, ids.length)).toEqual(ids.slice(0, -1))
      }),
      { seed: 1, numRuns: 100 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nanbeigeTokenizer } from '../../test/support/nanbeige.ts'
import { smolLm2Tables } from '../../test/support/smollm2-tokenizer-tables.ts'
import { loadTokenizer } from './load.ts'
import { writtenText } from './written-text.ts'

const nanbeige = nanbeigeTokenizer()
const smolLm2 = smolLm2Tables()

describe.each([
  ...(smolLm2 ? ([['byte-level', loadTokenizer(smolLm2)]] as const) : []),
  ['byte fallback, with a space before words', nanbeige],
] as const)('%s', (_, tokenizer) => {
  const piece = fc.oneof(
    fc.constantFrom('<|im_start|>', '<|im_end|>', '<think>', '</tool_call>', ' ', '\n', '  a', 'Hé', '好的', '😀'),
    fc.string({ maxLength: 5 }),
  )

  test('the text of ids is read as these ids, control tokens and spaces and all', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const ids = tokenizer.encode(pieces.join(''))
        expect(tokenizer.encode(writtenText(tokenizer, ids))).toEqual(ids)
      }),
      { numRuns: 300, seed: 2 },
    )
  })

  test.each(['', 'Hello', ' Hello', '<|im_start|>user\nHé 😀<|im_end|>\n', '<|im_end|> x'])(
    'of %j is this text',
    (text) => {
      expect(writtenText(tokenizer, tokenizer.encode(text))).toBe(text)
    },
  )
})

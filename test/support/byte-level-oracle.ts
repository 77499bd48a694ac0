import { Tokenizer as Oracle } from '@huggingface/tokenizers'
import fc from 'fast-check'
import type { TablesDescription } from '../../src/pack/tokenizer/describe-tables.ts'
import { byteLevelOfBytes } from '../../src/pack/tokenizer/spelling.ts'

/** The encoder of @huggingface/tokenizers with a vocabulary of ours. */
export function byteLevelOracle(
  description: TablesDescription,
  pretokenizers: object[],
  normalizer: object | null = null,
) {
  const addedTokens = description.added.map(({ id, text, special }) => ({
    id,
    content: text,
    special,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }))
  const tokenizer = new Oracle(
    {
      added_tokens: addedTokens,
      normalizer,
      pre_tokenizer: { type: 'Sequence', pretokenizers },
      post_processor: null,
      decoder: { type: 'ByteLevel' },
      model: {
        type: 'BPE',
        unk_token: null,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(
          description.pieces.flatMap((piece, id) => (piece === undefined ? [] : [[piece, id]])),
        ),
        merges: description.merges,
      },
    } as unknown as ConstructorParameters<typeof Oracle>[0],
    {},
  )
  return (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids
}

/** Words, digits, white space, emoji, CJK, code, added tokens and any other characters, in any mixture. */
export function randomText({ pieces, added }: TablesDescription): fc.Arbitrary<string> {
  // Bytes without a piece are dropped: by the Rust library before it merges (the fixture has such texts), by
  // @huggingface/tokenizers after. Leave such characters out here.
  const held = new Set(pieces.filter((piece) => piece?.length === 1).map((piece) => piece!))
  const bytesHeld = (text: string) => [...text].every((character) => spell(character).every((byte) => held.has(byte)))
  const characters = (unit: fc.Arbitrary<string>, maxLength: number) =>
    fc.array(unit.filter(bytesHeld), { maxLength }).map((parts) => parts.join(''))
  const range = (first: number, last: number) =>
    fc.integer({ min: first, max: last }).map((code) => String.fromCodePoint(code))
  const part = fc.oneof(
    characters(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), 8),
    characters(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }), 8),
    characters(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }), 12),
    fc.string({ unit: fc.constantFrom(...'etaoinshrdlu ETA'), maxLength: 20 }),
    fc.string({ unit: fc.constantFrom(...'0123456789.,½²٣ '), maxLength: 8 }),
    fc.string({
      unit: fc.constantFrom(' ', ' ', '\n', '\t', '\r', '\u00a0', '\u0085', '\u3000', '\ufeff'),
      maxLength: 8,
    }),
    characters(range(0x4e00, 0x9fff), 8),
    characters(range(0x3040, 0x30ff), 8),
    characters(range(0xac00, 0xd7a3), 8),
    characters(range(0x0400, 0x04ff), 8),
    characters(range(0x1f300, 0x1faff), 4),
    fc.constantFrom(
      '👩‍👩‍👧',
      '🇫🇷',
      '👍🏽',
      '❤️',
      "don't",
      "'re",
      "I'LL",
      'naïve',
      'return x**2;\n',
      '    if (a != b) {\n',
      '<div>',
      'e\u0301\u0323',
      '\u1100\u1161',
      '...\n\n  x',
      ' (foo)_bar\r\n',
    ),
    fc.constantFrom(...added.map(({ text }) => text), '<|im_', '|>', '<|'),
    fc.constantFrom(...added.map(({ text }) => `${text}\n`)),
  )
  return fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''))
}

function spell(character: string): string[] {
  return [...byteLevelOfBytes(new TextEncoder().encode(character))]
}

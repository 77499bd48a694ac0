// Small tokenizers for tests, as Hugging Face tokenizer.json objects, and texts to try them on.
import fc from 'fast-check'
import { byteLevelOfBytes, pieceOfByte } from '../../src/pack/tokenizer/spelling.ts'

const addedToken = (id: number, content: string, special: boolean) => ({
  id,
  content,
  special,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
})

// Merges in the order that they go; all kinds of overlap: shared sides, merges of merges, runs of one character.
const PAIRS = 'a|b b|c a|a ab|c é|é aa|a _|a _|_ b|b aa|aa _a|b é|a __|__ bb|c c|a ca|b 世|界 abc|ab'.split(' ')

function model(symbols: string[], spell: (text: string) => string, byteFallback: boolean) {
  const vocab: Record<string, number> = {}
  for (const symbol of symbols) vocab[symbol] = Object.keys(vocab).length
  const merges: [string, string][] = []
  const make = (left: string, right: string) => {
    if (left in vocab && right in vocab && !merges.some((m) => m[0] === left && m[1] === right)) {
      vocab[left + right] ??= Object.keys(vocab).length
      merges.push([left, right])
    }
  }
  for (const pair of PAIRS) {
    const [left, right] = pair.split('|').map((side) => spell(side.replaceAll('_', ' ')))
    // In the byte-level alphabet a character is several symbols: merge those first.
    for (const side of [left, right]) for (let i = 1; i < side.length; i++) make(side.slice(0, i), side[i])
    make(left, right)
  }
  return {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: byteFallback,
    ignore_merges: false,
    vocab,
    merges,
  }
}

function addedTokens(first: number) {
  return [
    addedToken(first, '<s>', true),
    addedToken(first + 1, '<say>', false),
    // A hole before the last.
    addedToken(first + 3, '<say>bc', false),
  ]
}

/** Byte-level BPE with SmolLM2's pre-tokenizer. */
export function toyByteLevel() {
  const utf8 = new TextEncoder()
  const alphabet = Array.from({ length: 256 }, (_, byte) => byteLevelOfBytes(Uint8Array.of(byte)))
  const bpe = model(alphabet, (text) => byteLevelOfBytes(utf8.encode(text)), false)
  return {
    version: '1.0',
    added_tokens: addedTokens(Object.keys(bpe.vocab).length),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: bpe,
  }
}

/** The same with Qwen2's normalizer and pre-tokenizer. */
export function toyQwen2() {
  return {
    ...toyByteLevel(),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: {
            Regex:
              "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          },
          behavior: 'Isolated',
          invert: false,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
  }
}

/** Byte-fallback BPE as Nanbeige's. */
export function toyByteFallback() {
  const bytes = Array.from({ length: 256 }, (_, byte) => pieceOfByte(byte))
  const bpe = model([...bytes, ...'▁abcé世界'], (text) => text.replaceAll(' ', '▁'), true)
  return {
    version: '1.0',
    added_tokens: addedTokens(Object.keys(bpe.vocab).length),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: bpe,
  }
}

/** Texts dense in the toys' merges and added tokens. */
export const toyText = fc
  .array(
    fc.oneof(fc.constantFrom(...'aaabbc  é世界1\n😀', '<s>', '<say>', '<say>bc', '<sa'), fc.string({ unit: 'binary' })),
    {
      maxLength: 30,
    },
  )
  .map((parts) => parts.join(''))

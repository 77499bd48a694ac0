import { readFileSync } from 'node:fs'
import { gguf } from '@huggingface/gguf'
import { Writer } from 'protobufjs'
import { describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../tokenizer/load.ts'
import { tokenizerSpecFromSentencePiece } from './from-sentencepiece.ts'
import { UnsupportedTokenizerError } from './spec.ts'
import { pieceOfByte } from './spelling.ts'
import { buildTokenizerTables, tokenizerSpecFromGguf } from './tables.ts'

const UNIGRAM = 1
const BPE = 2
const NORMAL = 1
const UNKNOWN = 2
const CONTROL = 3
const BYTE = 6

type Piece = readonly [text: string, score: number, type: number]

interface ModelOptions {
  readonly modelType?: number
  readonly charsmap?: Uint8Array
  readonly addDummyPrefix?: boolean
  readonly removeExtraWhitespaces?: boolean
}

const key = (field: number, wireType: number) => (field << 3) | wireType
const VARINT = 0
const BYTES = 2
const FIXED_32 = 5

/** A model file, field by field as google/sentencepiece's src/sentencepiece_model.proto numbers them. */
function modelFile(pieces: readonly Piece[], options: ModelOptions = {}): Uint8Array {
  const { modelType = BPE, charsmap = new Uint8Array(), addDummyPrefix, removeExtraWhitespaces = false } = options
  const writer = Writer.create()
  for (const [text, score, type] of pieces) {
    writer.uint32(key(1, BYTES)).fork().uint32(key(1, BYTES)).string(text).uint32(key(2, FIXED_32)).float(score)
    // The writers of such files leave out what is the default.
    if (type !== NORMAL) writer.uint32(key(3, VARINT)).int32(type)
    writer.ldelim()
  }
  writer.uint32(key(2, BYTES)).fork().uint32(key(3, VARINT)).int32(modelType).ldelim()
  writer.uint32(key(3, BYTES)).fork().uint32(key(1, BYTES)).string('identity').uint32(key(2, BYTES)).bytes(charsmap)
  if (addDummyPrefix !== undefined) writer.uint32(key(3, VARINT)).bool(addDummyPrefix)
  return writer.uint32(key(4, VARINT)).bool(removeExtraWhitespaces).ldelim().finish()
}

const byteId = (byte: number) => byte + 3
const small: Piece[] = [
  ['<unk>', 0, UNKNOWN],
  ['<s>', 0, CONTROL],
  ['</s>', 0, CONTROL],
  ...Array.from({ length: 256 }, (_, byte): Piece => [pieceOfByte(byte), 0, BYTE]),
  // By score, so not in the order of their ids: "bc" goes before "ab".
  ['ab', -2, NORMAL],
  ['bc', -1, NORMAL],
  ['▁a', -3, NORMAL],
  ['▁', -9, NORMAL],
  ['a', -9, NORMAL],
  ['b', -9, NORMAL],
  ['c', -9, NORMAL],
]
const [AB, BC, SPACE_A, SPACE, , B] = [259, 260, 261, 262, 263, 264]
const encode = (model: Uint8Array, config?: unknown, added?: unknown) => (text: string) =>
  loadTokenizer(buildTokenizerTables(tokenizerSpecFromSentencePiece(model, config, added))).encode(text)

test('pieces merge by their scores, and what has none becomes bytes', () => {
  const ids = encode(modelFile(small))
  expect(ids('abc')).toEqual([SPACE_A, BC])
  expect(ids('bab')).toEqual([SPACE, B, AB])
  expect(ids('é')).toEqual([SPACE, byteId(0xc3), byteId(0xa9)])
  expect(ids('<s>b')).toEqual([1, SPACE, B])
})

test('a space goes in front only where the model says so', () => {
  expect(encode(modelFile(small, { addDummyPrefix: true }))('b')).toEqual([SPACE, B])
  expect(encode(modelFile(small, { addDummyPrefix: false }))('b')).toEqual([B])
})

test('added tokens follow the pieces; tokenizer_config.json says which are special', () => {
  const added = { '<think>': small.length, '<|im_end|>': small.length + 1 }
  const config = { added_tokens_decoder: { [small.length + 1]: { content: '<|im_end|>', special: true } } }
  const spec = tokenizerSpecFromSentencePiece(modelFile(small), config, added)
  expect(spec.added.slice(-2)).toEqual([
    { id: small.length, text: '<think>', special: false },
    { id: small.length + 1, text: '<|im_end|>', special: true },
  ])
  expect(encode(modelFile(small), config, added)('<think>b<|im_end|>')).toEqual([
    small.length,
    SPACE,
    B,
    small.length + 1,
  ])
})

test.each<[string, RegExp, Uint8Array, unknown?]>([
  ['another type of model', /not of type BPE/, modelFile(small, { modelType: UNIGRAM })],
  ['characters that are normalized', /normalizes/, modelFile(small, { charsmap: Uint8Array.of(1) })],
  ['white space that is removed', /remove_extra_whitespaces/, modelFile(small, { removeExtraWhitespaces: true })],
  ['what is no model', /no SentencePiece model/, Uint8Array.from({ length: 40 }, () => 0xff)],
  ['an empty file', /not of type BPE/, new Uint8Array()],
  ['ids that nothing has', /ids between/, modelFile(small), { '<think>': small.length + 5 }],
])('refuses %s', (_, message, model, added) => {
  const read = () => tokenizerSpecFromSentencePiece(model, {}, added)
  expect(read).toThrow(UnsupportedTokenizerError)
  expect(read).toThrow(message)
})

const LLAMA = 'test/fixtures/llama-spm/ggml-vocab-llama-spm.gguf'
describe("Llama's vocabulary", () => {
  test('gives the tables of its GGUF, and the ids that llama.cpp expects', async () => {
    const metadata = (await gguf(LLAMA, { allowLocalFile: true })).metadata as unknown as Record<string, unknown>
    const column = <T>(name: string) => metadata[`tokenizer.ggml.${name}`] as T[]
    const [scores, types] = [column<number>('scores'), column<number>('token_type')]
    const pieces = column<string>('tokens').map((text, id): Piece => [text, scores[id], types[id]])
    const tables = buildTokenizerTables(tokenizerSpecFromSentencePiece(modelFile(pieces), {}, {}))
    expect(Buffer.from(tables).equals(buildTokenizerTables(tokenizerSpecFromGguf(metadata)))).toBe(true)

    const tokenizer = loadTokenizer(tables)
    // tests/test-tokenizer-0.cpp of llama.cpp: each text ends in this separator, each line of ids belongs to one text.
    const texts = readFileSync(`${LLAMA}.inp`, 'utf8').split('\n__ggml_vocab_test__\n').slice(0, -1)
    const lines = readFileSync(`${LLAMA}.out`, 'utf8').split('\n').slice(0, -1)
    expect(texts.map((text) => tokenizer.encode(text).join(' '))).toEqual(lines.map((line) => line.trim()))
  })
})

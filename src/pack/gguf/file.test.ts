import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ggufBytes, type TinyMetadata, tinyMetadata, tinyTensors } from '../../../test/support/tiny-gguf.ts'
import { readGgufSource } from './source.ts'

let path: string
beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'gguf-')), 'model.gguf')
})
afterAll(() => rm(join(path, '..'), { recursive: true }))

const TENSORS = tinyTensors('Q4_1')
const whole = (metadata: TinyMetadata = {}) => Buffer.from(ggufBytes({ ...tinyMetadata, ...metadata }, TENSORS))

/** What is read of a file that was changed. */
async function opened(bytes: Uint8Array) {
  await writeFile(path, bytes)
  return readGgufSource(path)
}

/** Where the entry of a matrix states its place: behind its name, its number of dimensions, these and its type. */
const placeOf = (bytes: Buffer, name: string) => bytes.indexOf(name) + name.length + 4 + 2 * 8 + 4

/** A file whose metadata says this, a key of the same length being there with another name or value. */
function renamed(from: string, to: string): Buffer {
  const bytes = whole()
  bytes.write(to, bytes.indexOf(from))
  return bytes
}

function moved(...places: [string, (place: bigint, bytes: Buffer) => bigint][]): Buffer {
  const bytes = whole()
  const before = Buffer.from(bytes)
  for (const [name, change] of places) {
    const at = placeOf(bytes, name)
    bytes.writeBigUInt64LE(change(before.readBigUInt64LE(at), before), at)
  }
  return bytes
}

const [UP, GATE] = ['blk.0.ffn_up.weight', 'blk.0.ffn_gate.weight']
const headerEnd = whole().indexOf('output.weight') + 'output.weight'.length + 4 + 2 * 8 + 4 + 8

describe('a header that nobody wrote like this', () => {
  it.each<[string, RegExp, Uint8Array]>([
    ['a tensor that is shifted', /ffn_up\.weight starts at \d+ where \d+ is its place/, moved([UP, (at) => at + 32n])],
    ['a tensor that is not aligned', /ffn_up\.weight starts at/, moved([UP, (at) => at + 4n])],
    [
      'tensors that overlap',
      /ffn_up\.weight starts at/,
      moved([UP, (_, bytes) => bytes.readBigUInt64LE(placeOf(bytes, GATE))]),
    ],
    [
      'tensors that changed their places',
      /starts at/,
      moved(
        [UP, (_, bytes) => bytes.readBigUInt64LE(placeOf(bytes, GATE))],
        [GATE, (_, bytes) => bytes.readBigUInt64LE(placeOf(bytes, UP))],
      ),
    ],
    ['a place beyond all numbers', /starts at 18446744073709551615/, moved([UP, () => 2n ** 64n - 1n])],
    [
      'a name that stands twice',
      /blk\.0\.attn_k\.weight is listed twice/,
      renamed('blk.0.attn_v.weight', 'blk.0.attn_k.weight'),
    ],
    [
      'a metadata key that stands twice',
      /a metadata key stands twice/,
      renamed('llama.context_length', 'llama.rope.freq_base'),
    ],
    ['an alignment of 7', /general\.alignment is 7/, whole({ 'general.alignment': 7 })],
    ['an alignment of 0', /alignment/, whole({ 'general.alignment': 0 })],
    ['an alignment that is a text', /alignment/, whole({ 'general.alignment': '32' })],
    ['a template that is no UTF-8', /its metadata is damaged at byte \d+/, invalidUtf8('{{ messages }}')],
    ['a token that is no UTF-8', /its metadata is damaged at byte \d+/, invalidUtf8('<|im_end|>')],
    ['a header that is cut', /the file ends before its header does/, whole().subarray(0, headerEnd - 4)],
    ['metadata that is cut', /metadata/, whole().subarray(0, 400)],
    ['more tensors than fit', /states 4294967295 tensors/, withCount(8, 2n ** 32n - 1n)],
    ['more keys than fit', /18446744073709551615 metadata keys/, withCount(16, 2n ** 64n - 1n)],
    ['another version', /GGUF version 9/, withVersion(9)],
    ['another order of bytes', /big-endian/, withVersion(0x03000000)],
  ])('%s is refused', async (_, message, bytes) => {
    await expect(opened(bytes)).rejects.toMatchObject({
      name: 'PackError',
      message: expect.stringMatching(
        new RegExp(`model\\.gguf: .*${message.source}.*; (download it|convert the model) again`),
      ),
    })
  })
})

function invalidUtf8(text: string): Buffer {
  const bytes = whole()
  bytes[bytes.indexOf(text)] = 0xff
  return bytes
}

function withCount(at: number, count: bigint): Buffer {
  const bytes = whole()
  bytes.writeBigUInt64LE(count, at)
  return bytes
}

function withVersion(version: number): Buffer {
  const bytes = whole()
  bytes.writeUInt32LE(version, 4)
  return bytes
}

describe('metadata', () => {
  it.each<[string, RegExp, TinyMetadata]>([
    ['more layers than any model has', /layerCount 4294967295 is none/, { 'llama.block_count': 2 ** 32 - 1 }],
    ['no layers', /layerCount 0 is none/, { 'llama.block_count': 0 }],
    ['heads without a number', /headCount 0/, { 'llama.attention.head_count': 0, 'llama.attention.key_length': 64 }],
    ['heads of a broken size', /256 elements are not whole heads for 3/, { 'llama.attention.head_count': 3 }],
    ['a base that is no number', /ropeTheta NaN/, { 'llama.rope.freq_base': Number.NaN }],
    ['a base that is a text', /freq_base is much; a number/, { 'llama.rope.freq_base': 'much' }],
    ['half a layer', /block_count is 1\.5; a whole number/, { 'llama.block_count': 1.5 }],
    ['a flag that is a number', /add_bos_token is 1; true or false/, { 'tokenizer.ggml.add_bos_token': 1 }],
    ['a template that is a number', /chat_template is 5; a text/, { 'tokenizer.chat_template': 5 }],
    ['layers of different heads', /head_count is a list/, { 'llama.attention.head_count': [4, 2] }],
    [
      'linear scaling by 2',
      /scaling\.factor = 2/,
      { 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 2 },
    ],
    ['fewer types than tokens', /3 token types for 259 tokens/, { 'tokenizer.ggml.token_type': [1, 1, 1] }],
    ['a merge of one piece', /merge "ab", which is not two pieces/, { 'tokenizer.ggml.merges': ['ab'] }],
    [
      'a token that stands twice',
      /has the ids|has two ids/,
      { 'tokenizer.ggml.tokens': (tinyMetadata['tokenizer.ggml.tokens'] as string[]).with(256, '<|im_end|>') },
    ],
  ])('%s: refused', async (_, message, metadata) => {
    await expect(opened(whole(metadata))).rejects.toThrow(new RegExp(`^.*model\\.gguf: .*${message.source}`))
  })

  it.each<[string, TinyMetadata]>([
    ['linear scaling by 1', { 'llama.rope.scaling.type': 'linear', 'llama.rope.scaling.factor': 1 }],
    ['linear scaling by the default', { 'llama.rope.scaling.type': 'linear' }],
    ['a number of each layer', { 'llama.attention.head_count': [4], 'llama.attention.head_count_kv': [2] }],
    ['an alignment that is written out', { 'general.alignment': 32 }],
  ])('%s: taken, as llama.cpp does', async (_, metadata) => {
    const { config } = await opened(whole())
    expect((await opened(whole(metadata))).config).toEqual(config)
  })

  it('no token where its id is -1, and every token that ends', async () => {
    const none = { 'tokenizer.ggml.bos_token_id': 2 ** 32 - 1, 'tokenizer.ggml.eos_token_id': 2 ** 32 - 1 }
    expect((await opened(whole(none))).tokens).toEqual({ bos: null, eos: [], addBos: false })
    const ends = { 'tokenizer.ggml.eot_token_id': 256, 'tokenizer.ggml.eom_token_id': 258 }
    expect((await opened(whole(ends))).tokens.eos).toEqual([257, 256, 258])
  })
})

import { readFileSync } from 'node:fs'
import { GGMLQuantizationType, GGUFValueType } from '@huggingface/gguf'
import { byteLevelOfBytes } from '../../src/pack/tokenizer/spelling.ts'

/** Blocks of every tensor type with the weights that gguf-py makes of them, 512 weights each. */
export const dequantFixture: Record<string, { blocks: string; weights: string }> = JSON.parse(
  readFileSync(new URL('../fixtures/gguf-dequant.json', import.meta.url), 'utf8'),
)

export const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

const HIDDEN = 256
/** Every byte, <|im_start|>, <|im_end|> and one piece of two bytes: not a whole number of tiles. */
const VOCAB = 259

export type TinyMetadata = Record<string, string | number | boolean | readonly string[] | readonly number[] | undefined>

export interface TinyTensor {
  readonly name: string
  /** (size) or (rows, columns). */
  readonly shape: readonly number[]
  readonly type: string
}

export const tinyMetadata: TinyMetadata = {
  'general.architecture': 'llama',
  'general.license': 'apache-2.0',
  'llama.block_count': 1,
  'llama.context_length': 64,
  'llama.embedding_length': HIDDEN,
  'llama.feed_forward_length': 512,
  'llama.attention.head_count': 4,
  'llama.attention.head_count_kv': 2,
  'llama.attention.layer_norm_rms_epsilon': 0.00001,
  'llama.rope.freq_base': 10000,
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': 'smollm',
  'tokenizer.ggml.tokens': [
    ...Array.from({ length: 256 }, (_, byte) => byteLevelOfBytes(Uint8Array.of(byte))),
    '<|im_start|>',
    '<|im_end|>',
    'ab',
  ],
  'tokenizer.ggml.token_type': [...new Array(256).fill(1), 3, 3, 1],
  'tokenizer.ggml.merges': ['a b'],
  'tokenizer.ggml.bos_token_id': 256,
  'tokenizer.ggml.eos_token_id': 257,
  'tokenizer.ggml.add_bos_token': false,
  'tokenizer.chat_template': '{{ messages }}',
}

/** Tensors of a model of some layers, its matrices of one type. */
export function tinyTensors(type: string, layers = 1): TinyTensor[] {
  const matrix = (name: string, rows: number, cols: number) => ({ name: `${name}.weight`, shape: [rows, cols], type })
  const vector = (name: string) => ({ name: `${name}.weight`, shape: [HIDDEN], type: 'F32' })
  const layer = (block: string) => [
    vector(`${block}.attn_norm`),
    matrix(`${block}.attn_q`, HIDDEN, HIDDEN),
    matrix(`${block}.attn_k`, 128, HIDDEN),
    matrix(`${block}.attn_v`, 128, HIDDEN),
    matrix(`${block}.attn_output`, HIDDEN, HIDDEN),
    vector(`${block}.ffn_norm`),
    matrix(`${block}.ffn_gate`, 512, HIDDEN),
    matrix(`${block}.ffn_up`, 512, HIDDEN),
    matrix(`${block}.ffn_down`, HIDDEN, 512),
  ]
  return [
    matrix('token_embd', VOCAB, HIDDEN),
    ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
    vector('output_norm'),
    matrix('output', VOCAB, HIDDEN),
  ]
}

/** Weights of every tensor that `ggufBytes` writes with this type: the 512 of the fixture over and over. */
export function tinyWeights(type: string, count: number): Float32Array {
  const weights = new Float32Array(fromHex(dequantFixture[type].weights).buffer)
  return Float32Array.from({ length: count }, (_, i) => weights[i % weights.length])
}

/** A GGUF file (version 3). The format: docs/gguf.md of ggml. */
export function ggufBytes(metadata: TinyMetadata, tensors: readonly TinyTensor[]): Uint8Array {
  const entries = Object.entries(metadata).filter(([, value]) => value !== undefined)
  const infos: Buffer[] = []
  const data: Buffer[] = []
  let offset = 0
  for (const { name, shape, type } of tensors) {
    infos.push(string(name), u32(shape.length), ...shape.toReversed().map(u64))
    infos.push(u32(GGMLQuantizationType[type as keyof typeof GGMLQuantizationType]), u64(offset))
    const bytes = tensorData(type, shape)
    data.push(bytes, Buffer.alloc(padding(bytes.length)))
    offset += bytes.length + padding(bytes.length)
  }
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries.flatMap(([key, value]) => [string(key), ...typedValue(value!)]),
    ...infos,
  ])
  return new Uint8Array(Buffer.concat([header, Buffer.alloc(padding(header.length)), ...data]))
}

const ALIGNMENT = 32
const padding = (length: number) => (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT

/** The fixture's blocks over and over; a type without one (to be refused) gets zeros, as many as floats would need. */
function tensorData(type: string, shape: readonly number[]): Buffer {
  const weights = shape.reduce((product, dim) => product * dim, 1)
  const fixture = dequantFixture[type]
  if (fixture === undefined) return Buffer.alloc(weights * 4)
  const blocks = fromHex(fixture.blocks)
  return Buffer.alloc((weights / 512) * blocks.length, blocks)
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([u64(bytes.length), bytes])
}

function typedValue(value: NonNullable<TinyMetadata[string]>): Buffer[] {
  if (typeof value === 'string') return [u32(GGUFValueType.STRING), string(value)]
  if (typeof value === 'boolean') return [u32(GGUFValueType.BOOL), Buffer.of(value ? 1 : 0)]
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return [u32(GGUFValueType.UINT32), u32(value)]
    const bytes = Buffer.alloc(4)
    bytes.writeFloatLE(value)
    return [u32(GGUFValueType.FLOAT32), bytes]
  }
  const items = value.map(typedValue)
  return [u32(GGUFValueType.ARRAY), items[0][0], u64(items.length), ...items.map(([, item]) => item)]
}

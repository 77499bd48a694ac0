import { type GGUFTypedMetadata, GGUFValueType } from '@huggingface/gguf'
import { nanbeige, nanbeigeTokens } from './geometry.ts'

type Entry = { value: never; type: GGUFValueType; subType?: GGUFValueType }

const integer = (value: number) => ({ value, type: GGUFValueType.UINT32 }) as Entry
const short = (value: number) => ({ value, type: GGUFValueType.UINT16 }) as Entry
const signed = (value: number) => ({ value, type: GGUFValueType.INT32 }) as Entry
const float = (value: number) => ({ value, type: GGUFValueType.FLOAT32 }) as Entry
const text = (value: string) => ({ value, type: GGUFValueType.STRING }) as Entry
const flag = (value: boolean) => ({ value, type: GGUFValueType.BOOL }) as Entry
const list = (value: readonly unknown[], subType: GGUFValueType) =>
  ({ value, type: GGUFValueType.ARRAY, subType }) as Entry

/** llama_token_type of llama.cpp. */
const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, byte: 6 }

/** Merged in this order, so that " the" is one token: wllama 3 takes a prompt only as text. */
const WORDS = ['▁t', '▁th', '▁the', '▁', 't', 'h', 'e']

/** A SentencePiece vocabulary of the full size that says nothing but " the". */
function tokenizer(): Record<string, Entry> {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const known = ['<unk>', ...bytes, ...WORDS]
  const special = { [nanbeigeTokens.bos!]: '<|im_start|>', [nanbeigeTokens.eos[0]]: '<|im_end|>' }
  const tokens = Array.from({ length: nanbeige.vocabSize }, (_, id) => special[id] ?? known[id] ?? `<filler ${id}>`)
  const types = tokens.map((_, id) => {
    if (id in special) return TOKEN_TYPE.control
    if (id === 0) return TOKEN_TYPE.unknown
    return id <= bytes.length ? TOKEN_TYPE.byte : TOKEN_TYPE.normal
  })
  return {
    'tokenizer.ggml.model': text('llama'),
    'tokenizer.ggml.tokens': list(tokens, GGUFValueType.STRING),
    'tokenizer.ggml.scores': list(
      tokens.map((_, id) => -id),
      GGUFValueType.FLOAT32,
    ),
    'tokenizer.ggml.token_type': list(types, GGUFValueType.INT32),
    'tokenizer.ggml.bos_token_id': integer(nanbeigeTokens.bos!),
    'tokenizer.ggml.eos_token_id': integer(nanbeigeTokens.eos[0]),
    'tokenizer.ggml.unknown_token_id': integer(0),
    'tokenizer.ggml.add_bos_token': flag(false),
    'tokenizer.ggml.add_space_prefix': flag(false),
  }
}

function model(name: string): Record<string, Entry> {
  return {
    'general.architecture': text('llama'),
    'general.name': text(name),
    'llama.block_count': integer(nanbeige.layerCount),
    'llama.context_length': integer(nanbeige.maxPositionEmbeddings),
    'llama.embedding_length': integer(nanbeige.hiddenSize),
    'llama.feed_forward_length': integer(nanbeige.intermediateSize),
    'llama.attention.head_count': integer(nanbeige.headCount),
    'llama.attention.head_count_kv': integer(nanbeige.kvHeadCount),
    'llama.attention.key_length': integer(nanbeige.headDim),
    'llama.attention.value_length': integer(nanbeige.headDim),
    'llama.rope.dimension_count': integer(nanbeige.headDim),
    'llama.rope.freq_base': float(nanbeige.ropeTheta),
    'llama.attention.layer_norm_rms_epsilon': float(nanbeige.rmsNormEps),
    ...tokenizer(),
  }
}

export interface Split {
  /** From 0. */
  readonly index: number
  readonly count: number
  readonly tensors: number
  readonly allTensors: number
}

/** Metadata of one file of a split GGUF, as llama.cpp's gguf-split writes them: the model is described in the first. */
export function splitMetadata(name: string, { index, count, tensors, allTensors }: Split): GGUFTypedMetadata {
  const entries = {
    ...(index === 0 ? model(name) : {}),
    'split.no': short(index),
    'split.count': short(count),
    'split.tensors.count': signed(allTensors),
  }
  return {
    version: { value: 3, type: GGUFValueType.UINT32 },
    tensor_count: { value: BigInt(tensors), type: GGUFValueType.UINT64 },
    kv_count: { value: BigInt(Object.keys(entries).length), type: GGUFValueType.UINT64 },
    ...entries,
  } as GGUFTypedMetadata
}

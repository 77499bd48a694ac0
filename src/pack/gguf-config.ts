import type { Manifest, ModelConfig } from '../weights/manifest.ts'
import type { GgufFile, GgufMetadata } from './gguf-file.ts'
import { PackError } from './pack-error.ts'

/** Keys of variants of the architecture that are not computed here, and the value at which they change nothing. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  'llama.rope.scaling.type': 'none',
  'llama.rope.scaling.factor': 1,
  'llama.rope.scale_linear': 1,
  'llama.expert_count': 0,
  'llama.expert_used_count': 0,
  'llama.attention.sliding_window': 0,
  'llama.attention.clamp_kqv': 0,
  'llama.attention.max_alibi_bias': 0,
  'llama.attention.causal': true,
  'llama.use_parallel_residual': false,
  'llama.attention.scale': 0,
  'llama.logit_scale': 1,
  'llama.embedding_scale': 1,
  'llama.residual_scale': 1,
  'split.count': 1,
}

/** Model configuration of a GGUF file of architecture llama. Throws PackError for anything this project does not compute. */
export function ggufConfig({ metadata, tensors }: GgufFile): ModelConfig {
  const architecture = text(metadata, 'general.architecture')
  if (architecture !== 'llama') {
    throw new PackError('architecture_unsupported', `architecture ${architecture} is not supported; only llama is`)
  }
  for (const [key, neutral] of Object.entries(NEUTRAL)) {
    const value = metadata[key]
    if (value === undefined || value === neutral || (typeof neutral === 'number' && Number(value) === neutral)) continue
    throw new PackError('architecture_unsupported', `${key} = ${value} is not supported`)
  }
  const embedding = tensors.get('token_embd.weight')
  if (embedding === undefined) throw new PackError('tensor_missing', 'tensor token_embd.weight is missing')
  const hiddenSize = integer(metadata, 'llama.embedding_length')
  const headCount = integer(metadata, 'llama.attention.head_count')
  const headDim = integer(metadata, 'llama.attention.key_length', hiddenSize / headCount)
  for (const key of ['llama.attention.value_length', 'llama.rope.dimension_count']) {
    const dim = integer(metadata, key, headDim)
    if (dim !== headDim) throw new PackError('architecture_unsupported', `${key} = ${dim} where heads have ${headDim}`)
  }
  return {
    architecture,
    hiddenSize,
    intermediateSize: integer(metadata, 'llama.feed_forward_length'),
    layerCount: integer(metadata, 'llama.block_count'),
    headCount,
    kvHeadCount: integer(metadata, 'llama.attention.head_count_kv', headCount),
    headDim,
    vocabSize: embedding.shape[0],
    ropeTheta: number(metadata, 'llama.rope.freq_base', 10000),
    // The converter to GGUF permutes the query and key rows of Llama models so that neighbours turn together.
    ropeLayout: 'interleaved',
    rmsNormEps: number(metadata, 'llama.attention.layer_norm_rms_epsilon'),
    maxPositionEmbeddings: integer(metadata, 'llama.context_length'),
    tiedEmbedding: !tensors.has('output.weight'),
  }
}

/** Tokens that begin and end a text. */
export function ggufTokens(metadata: GgufMetadata): Manifest['tokens'] {
  const optional = (key: string) => (metadata[key] === undefined ? null : integer(metadata, key))
  const eot = optional('tokenizer.ggml.eot_token_id')
  const eos = new Set([integer(metadata, 'tokenizer.ggml.eos_token_id'), ...(eot === null ? [] : [eot])])
  const bos = optional('tokenizer.ggml.bos_token_id')
  // Where the key is absent, llama.cpp adds BOS for SentencePiece vocabularies only.
  const addBos = metadata['tokenizer.ggml.add_bos_token'] ?? metadata['tokenizer.ggml.model'] === 'llama'
  return { bos, eos: [...eos], addBos: addBos === true && bos !== null }
}

/** A text of the metadata, or null. */
export function optionalText(metadata: GgufMetadata, key: string): string | null {
  return metadata[key] === undefined ? null : text(metadata, key)
}

function text(metadata: GgufMetadata, key: string): string {
  const value = metadata[key]
  if (typeof value !== 'string') throw invalid(metadata, key, 'a text')
  return value
}

function number(metadata: GgufMetadata, key: string, absent?: number): number {
  const value = metadata[key] ?? absent
  if (typeof value !== 'number' && typeof value !== 'bigint') throw invalid(metadata, key, 'a number')
  return Number(value)
}

function integer(metadata: GgufMetadata, key: string, absent?: number): number {
  const value = number(metadata, key, absent)
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(metadata, key, 'a whole number')
  return value
}

function invalid(metadata: GgufMetadata, key: string, wanted: string): PackError {
  const value = metadata[key]
  const found = value === undefined ? 'missing' : Array.isArray(value) ? 'a list' : String(value)
  return new PackError('metadata_invalid', `GGUF metadata ${key} is ${found}; ${wanted} is needed`)
}

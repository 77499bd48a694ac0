import { type Manifest, type ModelConfig, modelConfig } from '../../weights/manifest.ts'
import { checkedConfig } from '../check-config.ts'
import { PackError } from '../pack-error.ts'
import type { GgufFile, GgufMetadata } from './file.ts'

const ARCHITECTURES = modelConfig.shape.architecture.options

/** Keys, behind the name of the architecture, of variants that are not computed here, and the values at which they change nothing. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  // Linear scaling divides positions by a factor that the next two keys give; 0 is llama.cpp's default, and stands for 1.
  'rope.scaling.type': ['none', 'linear'],
  'rope.scaling.factor': [0, 1],
  'rope.scale_linear': [0, 1],
  'rope.scaling.attn_factor': [1],
  expert_count: [0],
  expert_used_count: [0],
  'attention.sliding_window': [0],
  'attention.clamp_kqv': [0],
  'attention.max_alibi_bias': [0],
  'attention.causal': [true],
  use_parallel_residual: [false],
  'attention.scale': [0],
  logit_scale: [1],
  embedding_scale: [1],
  residual_scale: [1],
}

/** Model configuration of a GGUF file. Throws PackError for anything this project does not compute. */
export function ggufConfig({ metadata, tensors }: GgufFile): ModelConfig {
  const architecture = text(metadata, 'general.architecture')
  if (!isSupported(architecture)) {
    throw new PackError(
      'architecture_unsupported',
      `architecture ${architecture} is not supported; ${ARCHITECTURES.join(' and ')} are`,
    )
  }
  const keyed = (key: string) => `${architecture}.${key}`
  const neutrals = Object.entries(NEUTRAL).map(([key, neutral]) => [keyed(key), neutral] as const)
  for (const [key, neutral] of [...neutrals, ['split.count', [1]] as const]) {
    const value = metadata[key]
    if (value === undefined || neutral.includes(typeof value === 'bigint' ? Number(value) : value)) continue
    throw new PackError('architecture_unsupported', `${key} = ${value} is not supported`)
  }
  const embedding = tensors.get('token_embd.weight')
  if (embedding === undefined) throw new PackError('tensor_missing', 'tensor token_embd.weight is missing')
  const hiddenSize = integer(metadata, keyed('embedding_length'))
  const headCount = integer(metadata, keyed('attention.head_count'))
  const headDim = number(metadata, keyed('attention.key_length'), hiddenSize / headCount)
  if (!Number.isInteger(headDim)) {
    throw new PackError(
      'metadata_invalid',
      `${hiddenSize} elements are not whole heads for ${headCount} of them; the file is damaged, download it again`,
    )
  }
  for (const key of ['attention.value_length', 'rope.dimension_count'].map(keyed)) {
    const dim = integer(metadata, key, headDim)
    if (dim !== headDim) throw new PackError('architecture_unsupported', `${key} = ${dim} where heads have ${headDim}`)
  }
  return checkedConfig({
    architecture,
    hiddenSize,
    intermediateSize: integer(metadata, keyed('feed_forward_length')),
    layerCount: integer(metadata, keyed('block_count')),
    headCount,
    kvHeadCount: integer(metadata, keyed('attention.head_count_kv'), headCount),
    headDim,
    vocabSize: embedding.shape[0],
    ropeTheta: number(metadata, keyed('rope.freq_base'), 10000),
    // The converter to GGUF permutes the query and key rows of Llama models, and of no others, so that neighbours turn together.
    ropeLayout: architecture === 'llama' ? 'interleaved' : 'half',
    rmsNormEps: number(metadata, keyed('attention.layer_norm_rms_epsilon')),
    maxPositionEmbeddings: integer(metadata, keyed('context_length')),
    tiedEmbedding: !tensors.has('output.weight'),
  })
}

function isSupported(architecture: string): architecture is ModelConfig['architecture'] {
  return ARCHITECTURES.some((known) => known === architecture)
}

/** What converters write for a token that a model does not have: -1 as u32. */
const NO_TOKEN = 2 ** 32 - 1

/** Tokens that begin and end a text: those that end an answer are none where the file names none. Throws PackError. */
export function ggufTokens(metadata: GgufMetadata): Manifest['tokens'] {
  const token = (name: string) => {
    const key = `tokenizer.ggml.${name}_token_id`
    const id = metadata[key] === undefined ? NO_TOKEN : integer(metadata, key)
    return id === NO_TOKEN ? null : id
  }
  const eos = new Set(['eos', 'eot', 'eom'].map(token).filter((id) => id !== null))
  const bos = token('bos')
  // Where the key is absent, llama.cpp adds BOS for SentencePiece vocabularies only.
  const addBos = metadata['tokenizer.ggml.add_bos_token'] ?? metadata['tokenizer.ggml.model'] === 'llama'
  if (typeof addBos !== 'boolean') throw invalid(metadata, 'tokenizer.ggml.add_bos_token', 'true or false')
  return { bos, eos: [...eos], addBos: addBos && bos !== null }
}

/** The model's own sampling settings, where its converter took them over (llama.cpp since November 2025). Throws PackError. */
export function ggufSampling(metadata: GgufMetadata): Manifest['sampling'] {
  const setting = (name: string) => {
    const key = `general.sampling.${name}`
    // Written as f32: 0.95 is read as 0.949999988.
    if (metadata[key] === undefined) return undefined
    const value = number(metadata, key)
    if (!Number.isFinite(value)) throw invalid(metadata, key, 'a number')
    return Number(value.toPrecision(6))
  }
  const [temperature, topP, topK] = ['temp', 'top_p', 'top_k'].map(setting)
  if (topP !== undefined && !(topP >= 0 && topP <= 1)) {
    throw invalid(metadata, 'general.sampling.top_p', 'a number from 0 to 1')
  }
  // Below zero stands for the most likely token, and for all tokens.
  return {
    ...(temperature !== undefined && { temperature: Math.max(temperature, 0) }),
    ...(topP !== undefined && { topP }),
    ...(topK !== undefined && { topK: Math.max(Math.trunc(topK), 0) }),
  }
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

/** Some converters write a list with the number of each layer: one number for all of them is what is computed here. */
function number(metadata: GgufMetadata, key: string, absent?: number): number {
  const given = metadata[key] ?? absent
  const value = Array.isArray(given) && new Set(given).size === 1 ? given[0] : given
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

import { z } from 'zod'
import type { Manifest, ModelConfig } from '../../weights/manifest.ts'
import { checkedConfig } from '../check-config.ts'
import { PackError } from '../pack-error.ts'
import { parse, withoutNulls } from '../read-json.ts'

const positive = z.int().positive()
const tokenIds = z.union([z.int(), z.array(z.int())]).optional()

/** How positions are scaled; `type` is the name of old. */
const ropeScaling = withoutNulls(
  z.looseObject({
    rope_type: z.string().optional(),
    type: z.string().optional(),
    factor: z.unknown().optional(),
    // transformers 5 writes the base of the rotation and its part here.
    rope_theta: z.number().positive().optional(),
    partial_rotary_factor: z.number().optional(),
  }),
)

const configJson = withoutNulls(
  z.looseObject({
    hidden_size: positive,
    intermediate_size: positive,
    num_hidden_layers: positive,
    num_attention_heads: positive,
    num_key_value_heads: positive.optional(),
    head_dim: positive.optional(),
    vocab_size: positive,
    max_position_embeddings: positive,
    rms_norm_eps: z.number().positive(),
    rope_theta: z.number().positive().optional(),
    rope_parameters: ropeScaling.optional(),
    partial_rotary_factor: z.number().optional(),
    rope_scaling: ropeScaling.optional(),
    tie_word_embeddings: z.boolean().optional(),
    hidden_act: z.string().optional(),
    attention_bias: z.boolean().optional(),
    use_sliding_window: z.boolean().optional(),
    layer_types: z.array(z.string()).optional(),
    mlp_bias: z.boolean().optional(),
    quantization_config: z.unknown().optional(),
    bos_token_id: z.int().optional(),
    eos_token_id: tokenIds,
  }),
)

const generationJson = withoutNulls(
  z.looseObject({
    eos_token_id: tokenIds,
    do_sample: z.boolean().optional(),
    temperature: z.number().min(0).optional(),
    top_p: z.number().min(0).max(1).optional(),
    // -1: every token, as 0.
    top_k: z.int().min(-1).optional(),
  }),
)

const architectureJson = withoutNulls(
  z.looseObject({ architectures: z.array(z.string()).optional(), model_type: z.string().optional() }),
)

/** By the names of transformers. */
const ARCHITECTURES: Readonly<Record<string, ModelConfig['architecture']>> = {
  LlamaForCausalLM: 'llama',
  Qwen2ForCausalLM: 'qwen2',
}

/** transformers' default where a config.json does not say. */
const DEFAULT_ROPE_THETA = 10000

export type ConfigJson = z.infer<typeof configJson> & { readonly architecture: ModelConfig['architecture'] }
export type GenerationJson = z.infer<typeof generationJson>

export function parseConfigJson(json: unknown, path: string): ConfigJson {
  // By its name first: of another architecture nothing else need be as expected.
  const { architectures, model_type } = parse(architectureJson, json, path)
  const named = Object.entries(ARCHITECTURES).find(([, ours]) => ours === model_type)?.[0]
  const architecture = architectures?.[0] ?? named ?? model_type
  if (architecture === undefined || !Object.hasOwn(ARCHITECTURES, architecture)) {
    throw unsupportedArchitecture(architecture, path)
  }
  return { ...parse(configJson, json, path), architecture: ARCHITECTURES[architecture] }
}

export function parseGenerationJson(json: unknown, path: string): GenerationJson {
  return parse(generationJson, json, path)
}

function unsupportedArchitecture(architecture: unknown, path: string): PackError {
  const looped = architecture === 'NanbeigeForCausalLM' ? ' (Nanbeige4.2, whose layers run in loops)' : ''
  return new PackError(
    'architecture_unsupported',
    `${path}: ${architecture ?? 'no architecture'}${looped} is not supported; LlamaForCausalLM is, such as Nanbeige4-3B-Thinking-2511 and Nanbeige4.1-3B, and Qwen2ForCausalLM`,
  )
}

/** Configuration of a Hugging Face checkpoint. Throws PackError for anything this project does not compute. */
export function checkpointConfig(config: ConfigJson, path: string): ModelConfig {
  const refuse = (what: string, remedy = '') => {
    throw new PackError('architecture_unsupported', `${path}: ${what} is not supported${remedy}`)
  }
  const { rope_parameters: rope, rope_scaling: scaling } = config
  const ropeType = scaling ? (scaling.rope_type ?? scaling.type ?? 'unknown') : (rope?.rope_type ?? 'default')
  // Linear scaling divides positions by its factor.
  const unscaled = ropeType === 'default' || (ropeType === 'linear' && (scaling ?? rope)?.factor === 1)
  if (!unscaled) refuse(`rope_scaling of type ${ropeType}`)
  const rotated = config.partial_rotary_factor ?? rope?.partial_rotary_factor ?? 1
  if (rotated !== 1) refuse(`partial_rotary_factor ${rotated}`)
  // Two names of one function in transformers.
  if (!['silu', 'swish'].includes(config.hidden_act ?? 'silu')) refuse(`hidden_act ${config.hidden_act}`)
  if (config.attention_bias) refuse('attention_bias')
  const slides = config.layer_types?.some((type) => type !== 'full_attention') ?? config.use_sliding_window
  if (slides) refuse('attention in a sliding window')
  if (config.mlp_bias) refuse('mlp_bias')
  if (config.quantization_config !== undefined) refuse('a quantized checkpoint', '; use the release in bf16')
  const headDim = config.head_dim ?? config.hidden_size / config.num_attention_heads
  if (!Number.isInteger(headDim)) {
    throw new PackError(
      'metadata_invalid',
      `${path}: hidden_size ${config.hidden_size} is not whole heads for ${config.num_attention_heads} of them; set head_dim`,
    )
  }
  const read: ModelConfig = {
    architecture: config.architecture,
    hiddenSize: config.hidden_size,
    intermediateSize: config.intermediate_size,
    layerCount: config.num_hidden_layers,
    headCount: config.num_attention_heads,
    kvHeadCount: config.num_key_value_heads ?? config.num_attention_heads,
    headDim,
    vocabSize: config.vocab_size,
    ropeTheta: config.rope_theta ?? rope?.rope_theta ?? DEFAULT_ROPE_THETA,
    ropeLayout: 'half',
    rmsNormEps: config.rms_norm_eps,
    maxPositionEmbeddings: config.max_position_embeddings,
    tiedEmbedding: config.tie_word_embeddings ?? false,
  }
  return checkedConfig(read, path)
}

/** Tokens that end an answer, wherever the files say so: a base model's config.json may name another than its chat needs. */
export function eosIds(config: ConfigJson, generation: GenerationJson, tokenizerEos: number | undefined): number[] {
  const all = [generation.eos_token_id, config.eos_token_id, tokenizerEos].flat()
  return [...new Set(all.filter((id): id is number => typeof id === 'number' && id >= 0 && id < config.vocab_size))]
}

/** The model's own sampling settings. */
export function samplingDefaults({ do_sample, temperature, top_p, top_k }: GenerationJson): Manifest['sampling'] {
  if (do_sample === false) return { temperature: 0 }
  return {
    ...(temperature !== undefined && { temperature }),
    ...(top_p !== undefined && { topP: top_p }),
    ...(top_k !== undefined && { topK: Math.max(top_k, 0) }),
  }
}

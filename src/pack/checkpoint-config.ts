import { z } from 'zod'
import type { Manifest, ModelConfig } from '../weights/manifest.ts'
import { PackError } from './pack-error.ts'

const positive = z.int().positive()
const tokenIds = z.union([z.int(), z.array(z.int())]).nullish()

const configJson = z.looseObject({
  architectures: z.array(z.string()).optional(),
  model_type: z.string().optional(),
  hidden_size: positive,
  intermediate_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  num_key_value_heads: positive.optional(),
  head_dim: positive.nullish(),
  vocab_size: positive,
  max_position_embeddings: positive,
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive().optional(),
  // transformers 5 writes the base of the rotation here.
  rope_parameters: z
    .looseObject({
      rope_theta: z.number().positive().optional(),
      rope_type: z.string().optional(),
      partial_rotary_factor: z.number().optional(),
    })
    .nullish(),
  partial_rotary_factor: z.number().optional(),
  rope_scaling: z.looseObject({ rope_type: z.string().optional(), type: z.string().optional() }).nullish(),
  tie_word_embeddings: z.boolean().optional(),
  hidden_act: z.string().optional(),
  attention_bias: z.boolean().optional(),
  mlp_bias: z.boolean().optional(),
  quantization_config: z.unknown().optional(),
  bos_token_id: z.int().nullish(),
  eos_token_id: tokenIds,
})

const generationJson = z.looseObject({
  eos_token_id: tokenIds,
  do_sample: z.boolean().nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().nonnegative().nullish(),
})

/** transformers' default where a config.json does not say. */
const DEFAULT_ROPE_THETA = 10000

export type ConfigJson = z.infer<typeof configJson>
export type GenerationJson = z.infer<typeof generationJson>

export function parseConfigJson(json: unknown, path: string): ConfigJson {
  // By its name first: of another architecture nothing else need be as expected.
  const name = z.looseObject({ architectures: z.array(z.string()).optional(), model_type: z.unknown() }).safeParse(json)
  const architecture = name.data?.architectures?.[0] ?? name.data?.model_type
  if (architecture !== 'LlamaForCausalLM') throw unsupportedArchitecture(architecture, path)
  return parse(configJson, json, path)
}

export function parseGenerationJson(json: unknown, path: string): GenerationJson {
  return parse(generationJson, json, path)
}

function unsupportedArchitecture(architecture: unknown, path: string): PackError {
  const looped = architecture === 'NanbeigeForCausalLM' ? ' (Nanbeige4.2, whose layers run in loops)' : ''
  return new PackError(
    'architecture_unsupported',
    `${path}: ${architecture ?? 'no architecture'}${looped} is not supported; LlamaForCausalLM is, such as Nanbeige4-3B-Thinking-2511 and Nanbeige4.1-3B`,
  )
}

/** Configuration of a Hugging Face checkpoint. Throws PackError for anything this project does not compute. */
export function checkpointConfig(config: ConfigJson, path: string): ModelConfig {
  const refuse = (what: string, remedy = '') => {
    throw new PackError('architecture_unsupported', `${path}: ${what} is not supported${remedy}`)
  }
  const { rope_parameters: rope, rope_scaling: scaling } = config
  const ropeType = scaling ? (scaling.rope_type ?? scaling.type ?? 'unknown') : (rope?.rope_type ?? 'default')
  if (ropeType !== 'default') refuse(`rope_scaling of type ${ropeType}`)
  const rotated = config.partial_rotary_factor ?? rope?.partial_rotary_factor ?? 1
  if (rotated !== 1) refuse(`partial_rotary_factor ${rotated}`)
  if ((config.hidden_act ?? 'silu') !== 'silu') refuse(`hidden_act ${config.hidden_act}`)
  if (config.attention_bias) refuse('attention_bias')
  if (config.mlp_bias) refuse('mlp_bias')
  if (config.quantization_config != null) refuse('a quantized checkpoint', '; use the release in bf16')
  const headDim = config.head_dim ?? config.hidden_size / config.num_attention_heads
  if (!Number.isInteger(headDim)) {
    throw new PackError(
      'metadata_invalid',
      `${path}: hidden_size ${config.hidden_size} is not whole heads for ${config.num_attention_heads} of them; set head_dim`,
    )
  }
  return {
    architecture: 'llama',
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
    ...(temperature != null && { temperature }),
    ...(top_p != null && { topP: top_p }),
    ...(top_k != null && { topK: top_k }),
  }
}

export function parse<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new PackError('metadata_invalid', `${path}, ${issue.path.join('.') || 'the whole'}: ${issue.message}`)
}

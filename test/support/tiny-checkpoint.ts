import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { floatTensor, type StoredTensor, safetensorsBytes } from './safetensors.ts'
import { toyByteLevel } from './toy-tokenizers.ts'

const HIDDEN = 64
const INTERMEDIATE = 96
const LAYERS = 2
const HEADS = 4
const KV_HEADS = 2
const HEAD_DIM = 32
const VOCAB = 304

const TEMPLATE = '{% for message in messages %}{{ message.content }} {% endfor %}'

/** As transformers 4 writes it. */
export const tinyConfig: Readonly<Record<string, unknown>> = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: HIDDEN,
  intermediate_size: INTERMEDIATE,
  num_hidden_layers: LAYERS,
  num_attention_heads: HEADS,
  num_key_value_heads: KV_HEADS,
  head_dim: HEAD_DIM,
  vocab_size: VOCAB,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 5000000,
  rope_scaling: null,
  tie_word_embeddings: false,
  hidden_act: 'silu',
  attention_bias: false,
  mlp_bias: false,
  bos_token_id: 1,
  eos_token_id: 2,
}

/** Weights of four bits in groups of 32, as `scale * q + min`: packing with 4 planes loses nothing. */
function gridTensor(shape: readonly number[], salt: number): StoredTensor {
  return floatTensor('BF16', shape, (i) => {
    const group = Math.floor(i / 32)
    // Coprime to 32: a group has every level twice.
    const level = (i * 7 + group + salt) % 16
    return 2 ** -(4 + (group % 3)) * (level - 7)
  })
}

/** Tensors of the tiny model by the names of transformers. */
export function tinyCheckpointTensors(): Record<string, StoredTensor> {
  let salt = 0
  const matrix = (rows: number, cols: number) => gridTensor([rows, cols], salt++)
  const vector = () => floatTensor('BF16', [HIDDEN], (i) => 1 + (i % 8) / 16)
  const layers = Array.from({ length: LAYERS }, (_, layer) => {
    const named = {
      input_layernorm: vector(),
      'self_attn.q_proj': matrix(HEADS * HEAD_DIM, HIDDEN),
      'self_attn.k_proj': matrix(KV_HEADS * HEAD_DIM, HIDDEN),
      'self_attn.v_proj': matrix(KV_HEADS * HEAD_DIM, HIDDEN),
      'self_attn.o_proj': matrix(HIDDEN, HEADS * HEAD_DIM),
      post_attention_layernorm: vector(),
      'mlp.gate_proj': matrix(INTERMEDIATE, HIDDEN),
      'mlp.up_proj': matrix(INTERMEDIATE, HIDDEN),
      'mlp.down_proj': matrix(HIDDEN, INTERMEDIATE),
    }
    return Object.entries(named).map(([name, tensor]) => [`model.layers.${layer}.${name}.weight`, tensor])
  })
  return {
    'lm_head.weight': matrix(VOCAB, HIDDEN),
    'model.embed_tokens.weight': matrix(VOCAB, HIDDEN),
    ...Object.fromEntries(layers.flat()),
    'model.norm.weight': vector(),
  }
}

export interface CheckpointParts {
  /** Laid over `tinyConfig`; undefined removes an entry. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly tensors?: Readonly<Record<string, StoredTensor>>
  /** Tensors a file; by default all are in one, without an index. */
  readonly tensorsPerShard?: number
  /** Other files: text, or JSON. The tokenizer is a toy and there is a chat template unless one is here; undefined leaves it out. */
  readonly files?: Readonly<Record<string, unknown>>
}

/** Write the folder of a checkpoint as Hugging Face lays it out. */
export async function writeCheckpoint(folder: string, parts: CheckpointParts = {}): Promise<void> {
  await mkdir(folder, { recursive: true })
  const files: Record<string, unknown> = {
    'config.json': { ...tinyConfig, ...parts.config },
    'tokenizer.json': toyByteLevel(),
    'chat_template.jinja': TEMPLATE,
    ...weightFiles(parts),
    ...parts.files,
  }
  for (const [name, content] of Object.entries(files)) {
    if (content === undefined) continue
    const plain = typeof content === 'string' || content instanceof Uint8Array
    await writeFile(join(folder, name), plain ? content : JSON.stringify(content))
  }
}

function weightFiles({ tensors = tinyCheckpointTensors(), tensorsPerShard }: CheckpointParts): Record<string, unknown> {
  if (tensorsPerShard === undefined) return { 'model.safetensors': safetensorsBytes(tensors) }
  const entries = Object.entries(tensors)
  const count = Math.ceil(entries.length / tensorsPerShard)
  const shards = Array.from({ length: count }, (_, i) => ({
    file: `model-${String(i + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`,
    entries: entries.slice(i * tensorsPerShard, (i + 1) * tensorsPerShard),
  }))
  const weightMap = shards.flatMap((shard) => shard.entries.map(([name]) => [name, shard.file]))
  return {
    'model.safetensors.index.json': { metadata: {}, weight_map: Object.fromEntries(weightMap) },
    ...Object.fromEntries(shards.map((shard) => [shard.file, safetensorsBytes(Object.fromEntries(shard.entries))])),
  }
}

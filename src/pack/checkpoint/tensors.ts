import { join } from 'node:path'
import { z } from 'zod'
import type { layerTensorNames, ModelConfig } from '../../weights/manifest.ts'
import { tensorShapes } from '../../weights/tensor-shapes.ts'
import type { SourceTensor } from '../model-source.ts'
import { PackError } from '../pack-error.ts'
import { parse } from '../read-json.ts'
import { readSafetensors } from './safetensors-file.ts'

const layerNames: Readonly<Record<(typeof layerTensorNames)[number], string>> = {
  attentionNorm: 'input_layernorm.weight',
  query: 'self_attn.q_proj.weight',
  key: 'self_attn.k_proj.weight',
  value: 'self_attn.v_proj.weight',
  queryBias: 'self_attn.q_proj.bias',
  keyBias: 'self_attn.k_proj.bias',
  valueBias: 'self_attn.v_proj.bias',
  attentionOutput: 'self_attn.o_proj.weight',
  ffnNorm: 'post_attention_layernorm.weight',
  gate: 'mlp.gate_proj.weight',
  up: 'mlp.up_proj.weight',
  down: 'mlp.down_proj.weight',
}
const modelNames: Readonly<Record<string, string>> = {
  embedding: 'model.embed_tokens.weight',
  norm: 'model.norm.weight',
  head: 'lm_head.weight',
}
/** Tables that older checkpoints store and everybody computes. */
const COMPUTED = /\.rotary_emb\.inv_freq$/

export const SINGLE_FILE = 'model.safetensors'
export const INDEX_FILE = 'model.safetensors.index.json'
/** A plain name, which leads nowhere. */
const WEIGHTS_FILE = /^\w[\w.-]*\.safetensors$/
const index = z.object({ weight_map: z.record(z.string(), z.string()) })

/** Files of weights that an index names. Throws PackError. */
export function shardFiles(indexJson: unknown, path: string): string[] {
  const files = new Set(Object.values(parse(index, indexJson, path).weight_map))
  for (const file of files) {
    if (!WEIGHTS_FILE.test(file)) {
      throw new PackError(
        'metadata_invalid',
        `${path}: ${file} is no safetensors file of the same folder; download it again`,
      )
    }
  }
  return [...files]
}

function checkpointName(name: string): string {
  const [, layer, part] = name.match(/^layers\.(\d+)\.(\w+)$/) ?? []
  if (part === undefined) return modelNames[name]
  return `model.layers.${layer}.${layerNames[part as keyof typeof layerNames]}`
}

/**
 * The tensors of a checkpoint by our names, in order of use. Throws PackError where one is missing or has another shape, and where there
 * are tensors that the computation would leave out.
 */
export async function checkpointTensors(
  folder: string,
  files: readonly string[],
  config: ModelConfig,
): Promise<Map<string, SourceTensor>> {
  const all = new Map<string, SourceTensor>()
  for (const file of files) {
    for (const [name, tensor] of await readSafetensors(join(folder, file))) {
      const other = all.get(name)
      if (other !== undefined) {
        throw new PackError(
          'checkpoint_damaged',
          `${tensor.path}: tensor ${name} is in ${other.path} too; the files are of different releases, download them again`,
        )
      }
      all.set(name, tensor)
    }
  }
  const unused = new Set(all.keys())
  // A tied head may be stored a second time.
  if (config.tiedEmbedding) unused.delete(checkpointName('head'))
  const tensors = new Map<string, SourceTensor>()
  for (const [ours, shape] of tensorShapes(config)) {
    const name = checkpointName(ours)
    const tensor = all.get(name)
    if (tensor === undefined)
      throw new PackError('tensor_missing', `${folder}: tensor ${name} is missing; download the weights again`)
    if (tensor.shape.join() !== shape.join()) {
      throw new PackError(
        'metadata_invalid',
        `${tensor.path}: tensor ${name} has shape (${tensor.shape.join(', ')}) where config.json says (${shape.join(', ')}); the files are of different models`,
      )
    }
    unused.delete(name)
    tensors.set(ours, tensor)
  }
  const extra = [...unused].find((name) => !COMPUTED.test(name))
  if (extra !== undefined) {
    throw new PackError(
      'tensor_unsupported',
      `${folder}: tensor ${extra} is not part of a plain ${config.architecture} model`,
    )
  }
  return tensors
}

import type { layerTensorNames, ModelConfig } from '../../weights/manifest.ts'
import { tensorShapes } from '../../weights/tensor-shapes.ts'
import type { SourceTensor } from '../model-source.ts'
import { PackError } from '../pack-error.ts'
import type { GgufFile } from './file.ts'

const layerNames: Readonly<Record<(typeof layerTensorNames)[number], string>> = {
  attentionNorm: 'attn_norm.weight',
  query: 'attn_q.weight',
  key: 'attn_k.weight',
  value: 'attn_v.weight',
  queryBias: 'attn_q.bias',
  keyBias: 'attn_k.bias',
  valueBias: 'attn_v.bias',
  attentionOutput: 'attn_output.weight',
  ffnNorm: 'ffn_norm.weight',
  gate: 'ffn_gate.weight',
  up: 'ffn_up.weight',
  down: 'ffn_down.weight',
}

const modelNames: Readonly<Record<string, string>> = {
  embedding: 'token_embd.weight',
  norm: 'output_norm.weight',
  head: 'output.weight',
}

/** Name in a GGUF file of one of our tensors. */
export function ggufName(name: string): string {
  const [, layer, part] = name.match(/^layers\.(\d+)\.(\w+)$/) ?? []
  return part === undefined ? modelNames[name] : `blk.${layer}.${layerNames[part as keyof typeof layerNames]}`
}

/**
 * The tensors of a model by our names, in order of use. Throws PackError where one is missing or has another shape, and
 * where the file has tensors (biases, experts, rope factors) that the computation would leave out.
 */
export function modelTensors(file: GgufFile, config: ModelConfig): Map<string, SourceTensor> {
  const unused = new Set(file.tensors.keys())
  const tensors = new Map<string, SourceTensor>()
  for (const [name, shape] of tensorShapes(config)) {
    const tensor = file.tensors.get(ggufName(name))
    if (tensor === undefined)
      throw new PackError('tensor_missing', `tensor ${ggufName(name)} is missing; download the file again`)
    if (tensor.shape.join() !== shape.join()) {
      throw new PackError(
        'metadata_invalid',
        `tensor ${tensor.name} has shape (${tensor.shape.join(', ')}) where the metadata says (${shape.join(', ')}); download the file again`,
      )
    }
    unused.delete(tensor.name)
    tensors.set(name, tensor)
  }
  const [extra] = unused
  if (extra !== undefined)
    throw new PackError('tensor_unsupported', `tensor ${extra} is not part of a plain ${config.architecture} model`)
  return tensors
}

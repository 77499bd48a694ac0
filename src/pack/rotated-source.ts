import { downBlock, isNorm, tensorRotation } from '../quantize/rotation.ts'
import type { ModelSource, SourceTensor } from './model-source.ts'
import type { PlannedRotation } from './plan-tensor.ts'
import { blockWeights, finiteWeights } from './planes/block.ts'
import type { TensorReader } from './tensor-reader.ts'

/** The rotated model of a plain one: its head is never the embedding, since only the head has the weights of the last norm in it. */
export function rotatedSource(source: ModelSource): ModelSource {
  const { config, tensors } = source
  return {
    ...source,
    config: { ...config, tiedEmbedding: false, downHadamard: downBlock(config) },
    tensors: config.tiedEmbedding ? new Map([...tensors, ['head', tensors.get('embedding')!]]) : tensors,
  }
}

/** What makes the tensor of this name that of the rotated model; undefined: it stays as it is. */
export function plannedRotation(name: string, { config, tensors }: ModelSource): PlannedRotation | undefined {
  if (isNorm(name)) return 'ones'
  const rotation = tensorRotation(name, config)
  return rotation && { ...rotation, normTensor: rotation.norm === null ? null : tensors.get(rotation.norm)! }
}

/** The values of a vector, rotated where they are to be. Throws PackError. */
export async function vectorValues(
  reader: TensorReader,
  tensor: SourceTensor,
  rotation: PlannedRotation | undefined,
): Promise<Float32Array> {
  const [size] = tensor.shape
  const values = await finiteWeights(reader, tensor, 0, size)
  if (rotation === 'ones') return values.fill(1)
  return rotation === undefined ? values : blockWeights(reader, { tensor, firstRow: 0, rows: size, cols: 1, rotation })
}

import { downBlock, isNorm, tensorRotation } from '../quantize/rotation.ts'
import { hasHeadInput } from '../weights/tensor-shapes.ts'
import type { ModelSource, SourceTensor } from './model-source.ts'
import type { PlannedRotation } from './plan-tensor.ts'
import { blockWeights, finiteWeights } from './planes/block.ts'
import type { TensorReader } from './tensor-reader.ts'

/** The rotated model of a plain one. */
export function rotatedSource(source: ModelSource): ModelSource {
  const { tensors } = source
  const config = { ...source.config, downHadamard: downBlock(source.config) }
  const shape = [config.hiddenSize, config.hiddenSize]
  const headInput = { ...tensors.get('norm')!, shape }
  return {
    ...source,
    config,
    tensors: hasHeadInput(config) ? new Map([...tensors, ['headInput', headInput]]) : tensors,
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

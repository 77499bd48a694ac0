import { bandMatrix } from './bands.ts'
import { layerTensorNames, type ModelConfig } from './manifest.ts'

type LayerTensorName = (typeof layerTensorNames)[number]

/** The part of the model a matrix belongs to. */
export type TensorClass = 'embedding' | 'attention' | 'ffn' | 'head'

function layerTensorShape(name: LayerTensorName, config: ModelConfig): readonly number[] {
  const { hiddenSize, intermediateSize, headDim } = config
  const queries = config.headCount * headDim
  const keys = config.kvHeadCount * headDim
  switch (name) {
    case 'attentionNorm':
    case 'ffnNorm':
      return [hiddenSize]
    case 'query':
      return [queries, hiddenSize]
    case 'key':
    case 'value':
      return [keys, hiddenSize]
    case 'queryBias':
      return [queries]
    case 'keyBias':
    case 'valueBias':
      return [keys]
    case 'attentionOutput':
      return [hiddenSize, queries]
    case 'gate':
    case 'up':
      return [intermediateSize, hiddenSize]
    case 'down':
      return [hiddenSize, intermediateSize]
  }
}

/** Every tensor of a model with its shape, in order of use: (size) for vectors, (rows, columns) for matrices. */
export function tensorShapes(config: ModelConfig): Map<string, readonly number[]> {
  const { vocabSize, hiddenSize } = config
  const shapes = new Map<string, readonly number[]>([['embedding', [vocabSize, hiddenSize]]])
  for (let layer = 0; layer < config.layerCount; layer++) {
    for (const name of layerTensorNames) {
      if (name.endsWith('Bias') && config.architecture !== 'qwen2') continue
      shapes.set(`layers.${layer}.${name}`, layerTensorShape(name, config))
    }
  }
  shapes.set('norm', [hiddenSize])
  if (!config.tiedEmbedding) shapes.set('head', [vocabSize, hiddenSize])
  if (hasHeadInput(config)) shapes.set('headInput', [hiddenSize, hiddenSize])
  return shapes
}

/**
 * Whether the head has a matrix of its own for what it reads: that of a rotated model whose head is the embedding, which cannot have the
 * weights of the last norm in it (src/quantize/rotation.ts).
 */
export function hasHeadInput({ tiedEmbedding, downHadamard }: ModelConfig): boolean {
  return tiedEmbedding && downHadamard !== undefined
}

/** The class of a matrix by its name. */
export function tensorClass(name: string): TensorClass {
  const matrix = bandMatrix(name)
  if (matrix !== undefined) return matrix
  return /\.(gate|up|down)$/.test(name) ? 'ffn' : 'attention'
}

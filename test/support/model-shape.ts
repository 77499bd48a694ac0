import type { ModelConfig, Tensor } from '../../src/weights/manifest.ts'
import { tensorShapes } from '../../src/weights/tensor-shapes.ts'

/** Nanbeige4-3B: the config.json of the 4.1 release, which is 2511's but for the limits of its context. */
export const nanbeigeConfig: ModelConfig = {
  architecture: 'llama',
  hiddenSize: 2560,
  intermediateSize: 10496,
  layerCount: 32,
  headCount: 20,
  kvHeadCount: 4,
  headDim: 128,
  vocabSize: 166144,
  ropeTheta: 70_000_000,
  ropeLayout: 'half',
  rmsNormEps: 1e-5,
  maxPositionEmbeddings: 262_144,
  tiedEmbedding: false,
}

/** A model as a manifest describes it, without shards: `planesOf` a matrix by its name, groups of `groupSize`, no minimums. */
export function modelShape(
  config: ModelConfig,
  planesOf: (name: string) => number,
  groupSize: 32 | 64 | 128 = 128,
): { name: string; config: ModelConfig; tensors: Tensor[] } {
  const tensors = [...tensorShapes(config)].map(([name, shape]): Tensor => {
    if (shape.length === 1) return { name, kind: 'f32', shape: [shape[0]], spans: [] }
    const planes = planesOf(name)
    const zeroPoint = -(2 ** planes - 1) / 2
    return {
      name,
      kind: 'planes',
      shape: [shape[0], shape[1]],
      planes,
      groupSize,
      zeroPoint,
      spans: [],
    }
  })
  return { name: 'model', config, tensors }
}

import type { Pointer } from '../model/kernels.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { FloatLayers, LayerBiases, LayerMatrix } from './float-layer.ts'
import type { FloatPool } from './float-pool.ts'
import type { PlannedWeights } from './planned-weights.ts'

/** Bytes of the pool that the inputs of an exact layer take. */
export function exactInputsBytes({ hiddenSize, headCount, headDim }: ModelConfig, tokens: number): number {
  return tokens * (2 * hiddenSize + headCount * headDim) * 4
}

/** A layer of the exact model, whose matrices are read once. */
export interface ExactLayer {
  /** (rows, columns) f32, by name. */
  readonly weights: Partial<Record<LayerMatrix, Float32Array>>
  /**
   * What the matrices are multiplied with, (tokens, columns) f32, by the first of those that share it; not of `down`, which has the most columns:
   * least squares for so many fit the noise of a text, and would take longer than all the rest.
   */
  readonly inputs: Partial<Record<LayerMatrix, Pointer>>
}

/** The chosen sequences go through a layer. */
export async function throughExactLayer(
  pool: FloatPool,
  layers: FloatLayers,
  { weights: all, layer, biases }: { weights: PlannedWeights; layer: number; biases: LayerBiases },
): Promise<ExactLayer> {
  const weights: Partial<Record<LayerMatrix, Float32Array>> = {}
  const inputs: Partial<Record<LayerMatrix, Pointer>> = {}
  await layers.forward(async (parts, x) => {
    const { shape } = all.matrix(`layers.${layer}.${parts[0]}`).entry
    if (parts[0] !== 'down') inputs[parts[0]] = copyOf(pool, x, layers.tokens * shape[1])
    const mark = pool.mark()
    const pointers: Record<string, Pointer> = {}
    for (const part of parts) {
      const values = await all.rows(`layers.${layer}.${part}`)
      weights[part] = values
      pointers[part] = pool.put(values)
    }
    // They stay until the next call, whose inputs they make.
    pool.release(mark)
    return pointers
  }, biases)
  return { weights, inputs }
}

/** The same floats in memory of their own. */
export function copyOf(pool: FloatPool, x: Pointer, floats: number): Pointer {
  return pool.put(pool.floats(x, floats))
}

import type { Pointer } from '../model/kernels.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { CalibrationFolder } from './calibration-folder.ts'
import {
  countsOf,
  FloatLayers,
  floatLayersBytes,
  type LayerBiases,
  type LayerMatrix,
  spansOf,
  widestInput,
} from './float-layer.ts'
import { FloatPool } from './float-pool.ts'
import type { PlannedWeights } from './planned-weights.ts'
import { Rounding, roundingBytes } from './rounding.ts'

export interface Calibration {
  /** Of the rotated model. */
  readonly config: ModelConfig
  /** Token ids of the calibration text. */
  readonly sequences: readonly (readonly number[])[]
  /** Of the rotated model. */
  readonly weights: PlannedWeights
  /** Where results are kept as they come, to go on from there after an interruption. */
  readonly folder: CalibrationFolder
  readonly progress?: (done: number, total: number) => void
}

/**
 * Round all matrices, layer by layer, each with error feedback for the inputs that what was rounded before it gives; the folder then has
 * their bytes. Throws PackError.
 */
export async function calibrate(calibration: Calibration): Promise<void> {
  const { config, folder, sequences, weights, progress } = calibration
  if (await folder.has(weights.bands(weights.head).at(-1)!.entry.name)) return
  // Two models go through the layers side by side, with the same embedding: the exact one, and the one that is rounded on the way.
  const spans = spansOf([...sequences, ...sequences])
  const [exact, rounded] = [spans.slice(0, sequences.length), spans.slice(sequences.length)]
  const { tokens } = countsOf(rounded)
  const room = floatLayersBytes(config, { ...countsOf(spans), chosen: tokens }) + exactInputsBytes(config, tokens)
  const pool = await FloatPool.create(room + roundingBytes(calibration), widestInput(config))
  try {
    const layers = new FloatLayers(pool, config, spans, tokens)
    const rounding = new Rounding(pool, calibration, tokens)
    const hiddenOf = (chosen: typeof spans) => {
      layers.choose(chosen)
      return layers.hidden
    }
    const total = config.layerCount + 1
    const { done } = (await folder.rounding.read(hiddenOf(spans))) ?? { done: 0 }
    if (done === 0) {
      await rounding.embed(hiddenOf(rounded))
      hiddenOf(exact).set(hiddenOf(rounded))
    }
    progress?.(done, total)
    for (let layer = done; layer < config.layerCount; layer++) {
      const start = pool.mark()
      const biases = await weights.biases(layer)
      layers.choose(exact)
      const exactLayer = await throughExactLayer(pool, layers, { weights, layer, biases })
      layers.choose(rounded)
      await layers.forward((parts, x) => rounding.round(layer, parts, x, exactLayer), biases)
      pool.release(start)
      await folder.rounding.write(layer + 1, hiddenOf(spans))
      progress?.(layer + 1, total)
    }
    const headInput = await weights.headInput()
    layers.choose(exact)
    const inputs = copyOf(pool, await layers.headInputs(headInput), tokens * config.hiddenSize)
    layers.choose(rounded)
    await rounding.roundHead(await layers.headInputs(headInput), inputs)
    progress?.(total, total)
  } finally {
    await pool.close()
  }
}

/** Bytes of the pool that the inputs of an exact layer take. */
function exactInputsBytes({ hiddenSize, headCount, headDim }: ModelConfig, tokens: number): number {
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
async function throughExactLayer(
  pool: FloatPool,
  layers: FloatLayers,
  { weights: all, layer, biases }: { weights: PlannedWeights; layer: number; biases: LayerBiases },
): Promise<ExactLayer> {
  const [weights, inputs]: [Partial<Record<LayerMatrix, Float32Array>>, Partial<Record<LayerMatrix, Pointer>>] = [
    {},
    {},
  ]
  await layers.forward(async (parts, x) => {
    const { shape } = all.matrix(`layers.${layer}.${parts[0]}`).entry
    if (parts[0] !== 'down') inputs[parts[0]] = copyOf(pool, x, layers.tokens * shape[1])
    const mark = pool.mark()
    const pointers: Record<string, Pointer> = {}
    for (const part of parts) {
      const values = await all.rows(`layers.${layer}.${part}`)
      weights[part] = values
      pointers[part] = pool.allocate(values.byteLength)
      pool.floats(pointers[part], values.length).set(values)
    }
    // They stay until the next call, whose inputs they make.
    pool.release(mark)
    return pointers
  }, biases)
  return { weights, inputs }
}

function copyOf(pool: FloatPool, x: Pointer, floats: number): Pointer {
  const copy = pool.allocate(floats * 4)
  pool.floats(copy, floats).set(pool.floats(x, floats))
  return copy
}

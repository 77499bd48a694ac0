import { copyOf, exactInputsBytes, throughExactLayer } from './exact-layer.ts'
import { countsOf, FloatLayers, floatLayersBytes, spansOf, widestInput } from './float-layer.ts'
import { FloatPool } from './float-pool.ts'
import { type Roundable, Rounding, roundingBytes } from './rounding.ts'

export interface Calibration extends Roundable {
  readonly progress?: (done: number, total: number) => void
}

/**
 * Round all matrices, layer by layer, each with error feedback for the inputs that what was rounded before it gives, towards outputs that the
 * exact model gives; the folder then has their bytes. Throws PackError.
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
    const choose = (chosen: typeof spans) => {
      layers.choose(chosen)
      return layers.hidden
    }
    const total = config.layerCount + 1
    const { done } = (await folder.rounding.read(choose(spans))) ?? { done: 0 }
    if (done === 0) {
      await rounding.embed(choose(rounded))
      choose(exact).set(choose(rounded))
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
      await folder.rounding.write(layer + 1, choose(spans))
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

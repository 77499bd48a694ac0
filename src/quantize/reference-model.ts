import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import type { ModelSource } from '../pack/model-source.ts'
import { type BlockRotation, blockWeights } from '../pack/planes/block.ts'
import { plannedRotation, rotatedSource, vectorValues } from '../pack/rotated-source.ts'
import { TensorReader } from '../pack/tensor-reader.ts'
import { countsOf, FloatLayers, floatLayersBytes, type LayerBiases, spansOf } from './float-layer.ts'
import { multiplyBy } from './float-matrix.ts'
import { FloatPool } from './float-pool.ts'

/** Tokens whose logits are there at once. */
const LOGIT_TOKENS = 64
/** Rows of the head that are read at a time. */
const HEAD_ROWS = 8192

/**
 * Logits of an unquantized model in float32, rotated, which changes nothing, for every token of some sequences: (tokens, vocabSize) f32 of a
 * chunk at a time, valid until the next. Throws PackError.
 */
export async function* referenceLogits(
  plain: ModelSource,
  sequences: readonly (readonly number[])[],
  progress?: (done: number, total: number) => void,
): AsyncGenerator<Float32Array> {
  const source = rotatedSource(plain)
  const { config } = source
  const { hiddenSize, intermediateSize, vocabSize, layerCount } = config
  const tokens = sequences.flat()
  const spans = spansOf(sequences)
  const layerWeights = 2 * align(intermediateSize * hiddenSize * 4)
  const headBytes = align(vocabSize * hiddenSize * 4) + align(LOGIT_TOKENS * vocabSize * 4)
  const room = floatLayersBytes(config, countsOf(spans)) + Math.max(layerWeights, headBytes)
  const pool = await FloatPool.create(room, intermediateSize)
  const reader = new TensorReader()
  const weights = (name: string, firstRow: number, rows: number) => {
    const tensor = source.tensors.get(name)!
    const rotation = plannedRotation(name, source) as BlockRotation
    return blockWeights(reader, { tensor, firstRow, rows, cols: tensor.shape[1], rotation })
  }
  try {
    const layers = new FloatLayers(pool, config, spans)
    for (const [i, token] of tokens.entries()) layers.hidden.set(await weights('embedding', token, 1), i * hiddenSize)
    const start = pool.mark()
    for (let layer = 0; layer < layerCount; layer++) {
      const biases: LayerBiases = {}
      for (const part of ['query', 'key', 'value'] as const) {
        const name = `layers.${layer}.${part}Bias`
        const bias = source.tensors.get(name)
        if (bias) biases[part] = await vectorValues(reader, bias, plannedRotation(name, source))
      }
      await layers.forward(async (names) => {
        pool.release(start)
        const pointers: Record<string, Pointer> = {}
        for (const part of names) {
          const name = `layers.${layer}.${part}`
          pointers[part] = pool.put(await weights(name, 0, source.tensors.get(name)!.shape[0]))
        }
        return pointers
      }, biases)
      progress?.(layer + 1, layerCount)
    }
    pool.release(start)
    const headInput = config.tiedEmbedding ? await weights('headInput', 0, hiddenSize) : undefined
    const inputs = await layers.headInputs(headInput)
    const headName = config.tiedEmbedding ? 'embedding' : 'head'
    const head = pool.allocate(vocabSize * hiddenSize * 4)
    for (let row = 0; row < vocabSize; row += HEAD_ROWS) {
      const values = await weights(headName, row, Math.min(HEAD_ROWS, vocabSize - row))
      pool.floats(head + row * hiddenSize * 4, values.length).set(values)
    }
    const logits = pool.allocate(LOGIT_TOKENS * vocabSize * 4)
    for (let token = 0; token < tokens.length; token += LOGIT_TOKENS) {
      const count = Math.min(LOGIT_TOKENS, tokens.length - token)
      const x = inputs + token * hiddenSize * 4
      await multiplyBy(pool, logits, x, head, { count, rows: vocabSize, cols: hiddenSize })
      yield pool.floats(logits, count * vocabSize)
    }
  } finally {
    await reader.close()
    await pool.close()
  }
}

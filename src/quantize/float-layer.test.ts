import { expect, it } from 'vitest'
import { floatLogits } from '../../test/support/float-model.ts'
import { blockWeights } from '../pack/planes/block.ts'
import { readSource } from '../pack/read-source.ts'
import { plannedRotation, rotatedSource, vectorValues } from '../pack/rotated-source.ts'
import { TensorReader } from '../pack/tensor-reader.ts'
import { FloatLayers, floatLayersBytes } from './float-layer.ts'
import { FloatPool } from './float-pool.ts'

const fixtures = new URL('../../test/fixtures/', import.meta.url).pathname

it.each(['tiny-llama/tied', 'tiny-llama/tied.gguf', 'tiny-qwen2/qwen2-untied'])(
  'the layers of %s in float are those of the model in double precision',
  async (path) => {
    const source = rotatedSource(await readSource(fixtures + path))
    const { config } = source
    const reader = new TensorReader()
    const weights = new Map<string, Float32Array>()
    for (const [name, tensor] of source.tensors) {
      const rotation = plannedRotation(name, source)
      const [rows, cols] = tensor.shape
      if (cols === undefined) weights.set(name, await vectorValues(reader, tensor, rotation))
      else if (rotation !== 'ones') {
        weights.set(name, await blockWeights(reader, { tensor, firstRow: 0, rows, cols, rotation }))
      }
    }
    await reader.close()
    const sequences = [
      [3, 141, 59, 26, 5, 35, 89, 79, 12],
      [7, 7, 200],
    ]
    const tokens = sequences.flat()
    const spans = [
      { first: 0, count: 9 },
      { first: 9, count: 3 },
    ]
    const pool = await FloatPool.create(floatLayersBytes(config, { tokens: tokens.length, longest: 9 }) + 4e6, 512, 2)
    try {
      const layers = new FloatLayers(pool, config, spans)
      const { hiddenSize, vocabSize } = config
      const embedding = weights.get('embedding')!
      tokens.forEach((token, i) => {
        layers.hidden.set(embedding.subarray(token * hiddenSize, (token + 1) * hiddenSize), i * hiddenSize)
      })
      for (let layer = 0; layer < config.layerCount; layer++) {
        const mark = pool.mark()
        await layers.forward(
          async (names) =>
            Object.fromEntries(
              names.map((name) => {
                const values = weights.get(`layers.${layer}.${name}`)!
                return [name, pool.put(values)]
              }),
            ),
          Object.fromEntries(['query', 'key', 'value'].map((n) => [n, weights.get(`layers.${layer}.${n}Bias`)])),
        )
        pool.release(mark)
      }
      const normed = pool.floats(await layers.headInputs(weights.get('headInput')), tokens.length * hiddenSize)
      const head = weights.get(config.tiedEmbedding ? 'embedding' : 'head')!
      const expected = sequences.flatMap((sequence) => floatLogits(config, weights, sequence))
      const largest = Math.max(...expected.flatMap((row) => [...row].map(Math.abs)))
      let error = 0
      expected.forEach((row, t) => {
        for (let id = 0; id < vocabSize; id++) {
          let logit = 0
          for (let i = 0; i < hiddenSize; i++) logit += head[id * hiddenSize + i] * normed[t * hiddenSize + i]
          error = Math.max(error, Math.abs(logit - row[id]))
        }
      })
      expect(error / largest).toBeLessThan(2e-5)
    } finally {
      await pool.close()
    }
  },
)

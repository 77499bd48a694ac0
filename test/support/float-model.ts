import type { ModelConfig } from '../../src/weights/manifest.ts'
import { hadamard } from '../kernels/hadamard.reference.ts'

/** Weights of a model by our names, row-major. */
export type FloatWeights = ReadonlyMap<string, ArrayLike<number>>

/** Logits (tokens, vocabSize) of a Llama or Qwen2 model in double precision, written for being read. */
export function floatLogits(config: ModelConfig, weights: FloatWeights, tokens: readonly number[]): Float64Array[] {
  const { hiddenSize, layerCount, headCount, kvHeadCount, headDim, intermediateSize, vocabSize } = config
  const get = (name: string) => weights.get(name)!
  const embedding = get('embedding')
  const stream = tokens.map((token) =>
    Float64Array.from({ length: hiddenSize }, (_, i) => embedding[token * hiddenSize + i]),
  )
  for (let layer = 0; layer < layerCount; layer++) {
    const part = (name: string) => get(`layers.${layer}.${name}`)
    const bias = (name: string) => weights.get(`layers.${layer}.${name}Bias`)
    const rows = headCount * headDim
    const kvRows = kvHeadCount * headDim
    const inputs = stream.map((x) => norm(x, part('attentionNorm'), config.rmsNormEps))
    const project = (name: string, count: number) => inputs.map((x) => multiply(part(name), x, count, bias(name)))
    const queries = project('query', rows).map((x, position) => rope(x, position, config))
    const keys = project('key', kvRows).map((x, position) => rope(x, position, config))
    const values = project('value', kvRows)
    stream.forEach((x, i) => {
      const attended = new Float64Array(rows)
      for (let head = 0; head < headCount; head++) {
        const at = Math.floor(head / (headCount / kvHeadCount)) * headDim
        const scores = Array.from({ length: i + 1 }, (_, j) => {
          let sum = 0
          for (let d = 0; d < headDim; d++) sum += queries[i][head * headDim + d] * keys[j][at + d]
          return sum / Math.sqrt(headDim)
        })
        const top = Math.max(...scores)
        const shares = scores.map((score) => Math.exp(score - top))
        const total = shares.reduce((a, b) => a + b)
        for (let d = 0; d < headDim; d++) {
          attended[head * headDim + d] = shares.reduce((sum, share, j) => sum + (share / total) * values[j][at + d], 0)
        }
      }
      add(x, multiply(part('attentionOutput'), attended, hiddenSize))
      const normed = norm(x, part('ffnNorm'), config.rmsNormEps)
      const gate = multiply(part('gate'), normed, intermediateSize)
      const up = multiply(part('up'), normed, intermediateSize)
      const inner = gate.map((value, d) => (value / (1 + Math.exp(-value))) * up[d])
      add(x, multiply(part('down'), config.downHadamard ? hadamard(inner, config.downHadamard) : inner, hiddenSize))
    })
  }
  const head = config.tiedEmbedding ? embedding : get('head')
  const headInput = weights.get('headInput')
  return stream.map((x) => {
    const normed = norm(x, get('norm'), config.rmsNormEps)
    return multiply(head, headInput ? multiply(headInput, normed, hiddenSize) : normed, vocabSize)
  })
}

function add(x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i] += y[i]
}

function norm(x: Float64Array, weight: ArrayLike<number>, eps: number): Float64Array {
  const root = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + eps)
  return x.map((value, i) => (value / root) * weight[i])
}

function multiply(w: ArrayLike<number>, x: Float64Array, rows: number, bias?: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * w[row * x.length + i], bias?.[row] ?? 0),
  )
}

function rope(x: Float64Array, position: number, { headDim, ropeTheta, ropeLayout }: ModelConfig): Float64Array {
  const turned = Float64Array.from(x)
  const half = headDim / 2
  for (let first = 0; first < x.length; first += headDim) {
    for (let i = 0; i < half; i++) {
      const angle = position * ropeTheta ** (-i / half)
      const [a, b] = ropeLayout === 'half' ? [first + i, first + i + half] : [first + 2 * i, first + 2 * i + 1]
      turned[a] = x[a] * Math.cos(angle) - x[b] * Math.sin(angle)
      turned[b] = x[b] * Math.cos(angle) + x[a] * Math.sin(angle)
    }
  }
  return turned
}

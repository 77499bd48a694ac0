import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import { fillRotations } from '../model/rope.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { FloatCall } from './float-kernels.ts'
import { jobsOf, multiplyBy } from './float-matrix.ts'
import type { FloatPool } from './float-pool.ts'

/** Tokens that a thread takes at a time where it does little with each. */
const TOKENS_A_JOB = 256
/** Tokens whose `up` is there at once. */
const UP_TOKENS = 1024

/** Where the tokens of a sequence begin in the list of all, and how many there are. */
export interface SequenceSpan {
  readonly first: number
  readonly count: number
}

export function spansOf(sequences: readonly (readonly number[])[]): SequenceSpan[] {
  let first = 0
  return sequences.map(({ length: count }) => {
    const span = { first, count }
    first += count
    return span
  })
}

/** Tokens of all sequences, of the longest one, and those that are worked on at once: all, unless told. */
export interface TokenCounts {
  readonly tokens: number
  readonly longest: number
  readonly chosen?: number
}

export function countsOf(sequences: readonly SequenceSpan[]): TokenCounts {
  const counts = sequences.map(({ count }) => count)
  return { tokens: counts.reduce((sum, count) => sum + count, 0), longest: Math.max(...counts) }
}

const MATRICES = {
  attention: ['query', 'key', 'value'],
  output: ['attentionOutput'],
  ffn: ['gate', 'up'],
  down: ['down'],
} as const

/** A matrix of a layer by its name in a pack. */
export type LayerMatrix = (typeof MATRICES)[keyof typeof MATRICES][number]

/** Of query, key and value, where the model has them. */
export type LayerBiases = Partial<Record<LayerMatrix, Float32Array>>

/**
 * Is given what the matrices named are multiplied with, x (tokens, columns) f32, before they are used, and gives where each of them is:
 * (rows, columns) f32.
 */
export type ProvideWeights = (names: readonly LayerMatrix[], x: Pointer) => Promise<Record<string, Pointer>>

function sizes(config: ModelConfig, { tokens, longest, chosen = tokens }: TokenCounts) {
  const { hiddenSize, intermediateSize, headCount, kvHeadCount, headDim } = config
  const queries = headCount * headDim
  const keys = kvHeadCount * headDim
  return {
    hidden: tokens * hiddenSize,
    normed: chosen * hiddenSize,
    query: chosen * queries,
    key: chosen * keys,
    value: chosen * keys,
    attended: chosen * queries,
    gate: chosen * intermediateSize,
    up: Math.min(chosen, UP_TOKENS) * intermediateSize,
    ones: hiddenSize,
    cos: (longest * headDim) / 2,
    sin: (longest * headDim) / 2,
  }
}

/** Columns of the widest matrix. */
export function widestInput({ hiddenSize, intermediateSize, headCount, headDim }: ModelConfig): number {
  return Math.max(hiddenSize, intermediateSize, headCount * headDim)
}

type Pointers = Record<keyof ReturnType<typeof sizes>, Pointer>

/** Bytes of the pool that FloatLayers takes. */
export function floatLayersBytes(config: ModelConfig, counts: TokenCounts): number {
  return Object.values(sizes(config, counts)).reduce((sum, floats) => sum + align(floats * 4), 0)
}

/** The layers of a rotated model in float, over all tokens of some sequences at once. */
export class FloatLayers {
  readonly #pool: FloatPool
  readonly #config: ModelConfig
  /** Of the scratch memory: hidden stands beside it. */
  readonly #at: Pointers
  #sequences: readonly SequenceSpan[]
  #hidden: Pointer
  #tokens: number

  /** chosen: most tokens that are worked on at once, where that is not all; some are then chosen before anything else. */
  constructor(pool: FloatPool, config: ModelConfig, sequences: readonly SequenceSpan[], chosen?: number) {
    this.#pool = pool
    this.#config = config
    this.#sequences = sequences
    this.#tokens = countsOf(sequences).tokens
    const counts = { ...countsOf(sequences), chosen }
    const { longest } = counts
    const entries = Object.entries(sizes(config, counts))
    this.#at = Object.fromEntries(entries.map(([name, floats]) => [name, pool.allocate(floats * 4)])) as Pointers
    const half = config.headDim / 2
    this.#hidden = this.#at.hidden
    pool.floats(this.#at.ones, config.hiddenSize).fill(1)
    fillRotations(pool.floats(this.#at.cos, longest * half), pool.floats(this.#at.sin, longest * half), 0, config)
  }

  /** Work on these of its sequences only, which stand side by side, until others are chosen. */
  choose(sequences: readonly SequenceSpan[]): void {
    const [{ first }] = sequences
    this.#hidden = this.#at.hidden + first * this.#config.hiddenSize * 4
    this.#sequences = sequences.map((span) => ({ ...span, first: span.first - first }))
    this.#tokens = countsOf(sequences).tokens
  }

  /** Tokens of the chosen sequences. */
  get tokens(): number {
    return this.#tokens
  }

  /** (tokens, hiddenSize) f32: the residual stream. */
  get hidden(): Float32Array {
    return this.#pool.floats(this.#hidden, this.#tokens * this.#config.hiddenSize)
  }

  /** (tokens, hiddenSize) f32: the residual stream by the norm, whose weights are one. */
  async normed(): Promise<Pointer> {
    const { hiddenSize, rmsNormEps } = this.#config
    const { normed, ones } = this.#at
    const hidden = this.#hidden
    await this.#eachToken((first, count) => {
      const at = first * hiddenSize * 4
      return [['rmsNorm', normed + at, hidden + at, ones, hiddenSize, count, rmsNormEps]]
    })
    return normed
  }

  /**
   * (tokens, hiddenSize) f32: what the head is multiplied with, in place of the residual stream. headInput (hiddenSize, hiddenSize): that of a
   * tied head.
   */
  async headInputs(headInput: Float32Array | undefined): Promise<Pointer> {
    const x = await this.normed()
    if (headInput === undefined) return x
    const { hiddenSize } = this.#config
    const pool = this.#pool
    const mark = pool.mark()
    await multiplyBy(pool, this.#hidden, x, pool.put(headInput), {
      count: this.#tokens,
      rows: hiddenSize,
      cols: hiddenSize,
    })
    pool.release(mark)
    return this.#hidden
  }

  /** One layer: the residual stream <- what comes behind it. */
  async forward(provide: ProvideWeights, biases: LayerBiases): Promise<void> {
    const { hiddenSize: cols, headCount, kvHeadCount, headDim } = this.#config
    const { attended } = this.#at
    const hidden = this.#hidden
    const pool = this.#pool
    const count = this.#tokens
    const x = await this.normed()
    const qkv = await provide(MATRICES.attention, x)
    for (const name of MATRICES.attention) {
      const rows = (name === 'query' ? headCount : kvHeadCount) * headDim
      const bias = biases[name]
      if (bias) for (let i = 0; i < count; i++) pool.floats(this.#at[name] + i * rows * 4, rows).set(bias)
      await multiplyBy(pool, this.#at[name], x, qkv[name], { count, rows, cols }, bias !== undefined)
    }
    await this.#attend()
    const { attentionOutput } = await provide(MATRICES.output, attended)
    await multiplyBy(pool, hidden, attended, attentionOutput, { count, rows: cols, cols: headCount * headDim }, true)
    await this.#feedForward(provide)
  }

  async #attend(): Promise<void> {
    const { headCount, kvHeadCount, headDim, ropeLayout } = this.#config
    const { query, key, value, attended, cos, sin } = this.#at
    const queryBytes = headCount * headDim * 4
    const keyBytes = kvHeadCount * headDim * 4
    const rope = ropeLayout === 'half' ? 'ropeHalf' : 'ropeInterleaved'
    await this.#pool.run(
      this.#sequences.map(({ first, count }) => {
        const calls: FloatCall[] = []
        for (let i = 0; i < count; i++) {
          const angle = i * headDim * 2
          calls.push([rope, query + (first + i) * queryBytes, cos + angle, sin + angle, headCount, headDim])
          calls.push([rope, key + (first + i) * keyBytes, cos + angle, sin + angle, kvHeadCount, headDim])
        }
        const [q, kv] = [first * queryBytes, first * keyBytes]
        calls.push([
          'attendFloat',
          attended + q,
          query + q,
          key + kv,
          value + kv,
          count,
          headCount,
          kvHeadCount,
          headDim,
        ])
        return calls
      }),
    )
  }

  async #feedForward(provide: ProvideWeights): Promise<void> {
    const { hiddenSize, intermediateSize, downHadamard } = this.#config
    const { gate, up } = this.#at
    const hidden = this.#hidden
    const pool = this.#pool
    const count = this.#tokens
    const x = await this.normed()
    const weights = await provide(MATRICES.ffn, x)
    const shape = { rows: intermediateSize, cols: hiddenSize }
    await multiplyBy(pool, gate, x, weights.gate, { count, ...shape })
    for (let first = 0; first < count; first += UP_TOKENS) {
      const held = Math.min(UP_TOKENS, count - first)
      await multiplyBy(pool, up, x + first * hiddenSize * 4, weights.up, { count: held, ...shape })
      await this.#eachToken((from, tokens) => {
        const to = gate + (first + from) * intermediateSize * 4
        const size = tokens * intermediateSize
        const product: FloatCall = ['siluMultiply', to, up + from * intermediateSize * 4, size]
        return downHadamard === undefined ? [product] : [product, ['hadamard', to, size, downHadamard]]
      }, held)
    }
    const { down } = await provide(MATRICES.down, gate)
    await multiplyBy(pool, hidden, gate, down, { count, rows: hiddenSize, cols: intermediateSize }, true)
  }

  async #eachToken(job: (first: number, count: number) => FloatCall[], tokens = this.#tokens): Promise<void> {
    await this.#pool.run(jobsOf(tokens, TOKENS_A_JOB, job))
  }
}

import type { ModelConfig } from '../weights/manifest.ts'
import type { Arena } from './arena.ts'
import type { Kernels, Pointer } from './kernels.ts'
import type { KvCache } from './kv-cache.ts'
import { type Matrix, multiply } from './matrix.ts'
import { fillRotations, meanRotated } from './rope.ts'

/** The weights of one transformer layer in Wasm memory. */
export interface LayerWeights {
  readonly attentionNorm: Pointer
  readonly query: Matrix
  readonly key: Matrix
  readonly value: Matrix
  /** (rows of the matrix) f32, where the architecture has them. */
  readonly queryBias?: Pointer
  readonly keyBias?: Pointer
  readonly valueBias?: Pointer
  readonly attentionOutput: Matrix
  readonly ffnNorm: Pointer
  readonly gate: Matrix
  readonly up: Matrix
  readonly down: Matrix
}

interface Scratch {
  readonly normed: Pointer
  readonly query: Pointer
  readonly key: Pointer
  readonly value: Pointer
  readonly attended: Pointer
  readonly gate: Pointer
  readonly up: Pointer
  readonly tables: Pointer
  readonly attention: Pointer
  readonly cos: Pointer
  readonly sin: Pointer
}

/** Where the tokens of a span, or some of them, stand among those that are worked on. */
interface Rows {
  readonly row: number
  readonly count: number
  readonly position: number
  /** Bytes to the first one's angles. */
  readonly angles: number
}

function tokensOf(rows: readonly Rows[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0)
}

/** Sizes in bytes of a stage's scratch memory, for chunks of `chunk` tokens. */
function scratchSizes(kernels: Kernels, config: ModelConfig, chunk: number): Record<keyof Scratch, number> {
  const floats = (size: number) => chunk * size * 4
  const queries = config.headCount * config.headDim
  const keys = config.kvHeadCount * config.headDim
  const widest = Math.max(config.hiddenSize, config.intermediateSize, queries)
  return {
    normed: floats(config.hiddenSize),
    query: floats(queries),
    key: floats(keys),
    value: floats(keys),
    attended: floats(queries),
    gate: floats(config.intermediateSize),
    up: floats(config.intermediateSize),
    // The finest group makes the largest tables.
    tables: kernels.tableBytes(widest, chunk, 32),
    attention: kernels.attendScratchBytes(chunk, config.headDim, config.headCount / config.kvHeadCount),
    cos: floats(config.headDim / 2),
    sin: floats(config.headDim / 2),
  }
}

/** Consecutive tokens of one sequence, at positions from `position` on. */
export interface Span {
  readonly count: number
  readonly position: number
  readonly cache: KvCache
}

/** Whose vectors are wanted: those of all tokens, or of the last one of each span. */
export type Keep = 'all' | 'last'

/** Some consecutive layers of a Llama model (Touvron et al. 2023), or of one with biases as Qwen2, in one Wasm memory. */
export class Stage {
  readonly #arena: Arena
  readonly #kernels: Kernels
  readonly #config: ModelConfig
  readonly #layers: readonly LayerWeights[]
  readonly #scratch: Scratch
  /** meanRotated of each layer's keyBias, from its first token on: weights may come after their stage. */
  readonly #keyMeans: Float32Array[] = []

  /** `chunk`: most tokens of a forward, of all sequences together. */
  constructor(arena: Arena, kernels: Kernels, config: ModelConfig, layers: readonly LayerWeights[], chunk: number) {
    this.#arena = arena
    this.#kernels = kernels
    this.#config = config
    this.#layers = layers
    const sizes = Object.entries(scratchSizes(kernels, config, chunk))
    this.#scratch = Object.fromEntries(
      sizes.map(([name, bytes]) => [name, arena.allocate(bytes)]),
    ) as unknown as Scratch
  }

  /**
   * hidden (tokens, hiddenSize) f32, in place: the tokens of all spans, one span behind the other. Appends to their caches. A token's vector is
   * the same whatever tokens stand beside it.
   * Where only the last vectors are wanted, hidden (spans, hiddenSize) has them: the last layer of a model need give keys and values only
   * of all other tokens, which saves nearly all of its work in prefill.
   */
  forward(hidden: Pointer, spans: readonly Span[], keep: Keep = 'all'): void {
    const half = this.#config.headDim / 2
    const { cos, sin } = this.#scratch
    const bytes = half * 4
    const all: Rows[] = []
    let row = 0
    for (const { count, position } of spans) {
      const [angles, floats] = [row * bytes, count * half]
      fillRotations(
        this.#arena.floats(cos + angles, floats),
        this.#arena.floats(sin + angles, floats),
        position,
        this.#config,
      )
      all.push({ row, count, position, angles })
      row += count
    }
    const last = all.map(({ row, count, position, angles }, i) => {
      return {
        from: row + count - 1,
        row: i,
        count: 1,
        position: position + count - 1,
        angles: angles + (count - 1) * bytes,
      }
    })
    const tokens = row
    this.#layers.forEach((layer, i) => {
      const isLast = keep === 'last' && tokens > spans.length && i === this.#layers.length - 1
      this.#attention(hidden, spans, all, isLast ? last : undefined, layer, i)
      this.#feedForward(hidden, isLast ? spans.length : tokens, layer)
    })
  }

  /** hidden += Wo attention(norm(hidden)) for all tokens, or for those of `last`, whose vectors are put first; keys and values of all. */
  #attention(
    hidden: Pointer,
    spans: readonly Span[],
    all: readonly Rows[],
    last: readonly (Rows & { readonly from: number })[] | undefined,
    layer: LayerWeights,
    index: number,
  ): void {
    const { headCount, kvHeadCount, headDim, hiddenSize, rmsNormEps, ropeLayout } = this.#config
    const kernels = this.#kernels
    const { normed, query, key, value, attended, tables, attention, cos, sin } = this.#scratch
    const queryBytes = headCount * headDim * 4
    const keyBytes = kvHeadCount * headDim * 4
    const angleBytes = (headDim / 2) * 4
    const rope = ropeLayout === 'half' ? kernels.ropeHalf : kernels.ropeInterleaved
    const tokens = tokensOf(all)
    const asked = last ?? all
    const queries = tokensOf(asked)

    kernels.rmsNorm(normed, hidden, layer.attentionNorm, hiddenSize, tokens, rmsNormEps)
    this.#begin(query, queries, queryBytes, layer.queryBias)
    this.#begin(key, tokens, keyBytes, layer.keyBias)
    this.#begin(value, tokens, keyBytes, layer.valueBias)
    if (!last) {
      multiply(kernels, [query, key, value], [layer.query, layer.key, layer.value], normed, tokens, tables)
    } else {
      multiply(kernels, [key, value], [layer.key, layer.value], normed, tokens, tables)
      for (const { from, row } of last) {
        this.#copy(normed + row * hiddenSize * 4, normed + from * hiddenSize * 4, hiddenSize * 4)
        this.#copy(hidden + row * hiddenSize * 4, hidden + from * hiddenSize * 4, hiddenSize * 4)
      }
      multiply(kernels, [query], [layer.query], normed, queries, tables)
    }
    // A Hadamard matrix takes queries and keys to others of the same products, and values to others that it turns back once they are summed
    // up, but spreads outliers over the head: so bytes with one scale a head serve (QuaRot, Ashkboos et al. 2024).
    const block = headDim & -headDim
    kernels.hadamard(value, tokens * kvHeadCount * headDim, block)
    for (const [i, { row, count, position, angles }] of all.entries()) {
      const { layers, capacity } = spans[i].cache
      const { keys, values } = layers[index]
      for (let token = 0; token < count; token++) {
        const [at, angle] = [(row + token) * keyBytes, angles + token * angleBytes]
        rope(key + at, cos + angle, sin + angle, kvHeadCount, headDim)
        this.#centre(key + at, layer, index)
        kernels.hadamard(key + at, kvHeadCount * headDim, block)
        kernels.storeKey(keys, key + at, position + token, kvHeadCount, capacity, headDim)
        kernels.storeValue(values, value + at, position + token, kvHeadCount, capacity, headDim)
      }
    }
    for (const { row, count, angles } of asked) {
      for (let token = 0; token < count; token++) {
        const angle = angles + token * angleBytes
        rope(query + (row + token) * queryBytes, cos + angle, sin + angle, headCount, headDim)
      }
    }
    kernels.hadamard(query, queries * headCount * headDim, block)
    for (const [i, { row, count, position }] of asked.entries()) {
      const { layers, capacity } = spans[i].cache
      const { keys, values } = layers[index]
      kernels.attend(
        attended + row * queryBytes,
        query + row * queryBytes,
        keys,
        values,
        attention,
        position,
        count,
        headCount,
        kvHeadCount,
        capacity,
        headDim,
      )
    }
    kernels.hadamard(attended, queries * headCount * headDim, block)
    multiply(kernels, [hidden], [layer.attentionOutput], attended, queries, tables)
  }

  /** hidden += Wdown (silu(Wgate x) * Wup x),  x = norm(hidden) */
  #feedForward(hidden: Pointer, count: number, layer: LayerWeights): void {
    const { hiddenSize, intermediateSize, rmsNormEps, downHadamard } = this.#config
    const kernels = this.#kernels
    const { normed, gate, up, tables } = this.#scratch
    kernels.rmsNorm(normed, hidden, layer.ffnNorm, hiddenSize, count, rmsNormEps)
    this.#clear(gate, count * intermediateSize * 4)
    this.#clear(up, count * intermediateSize * 4)
    multiply(kernels, [gate, up], [layer.gate, layer.up], normed, count, tables)
    kernels.siluMultiply(gate, up, count * intermediateSize)
    if (downHadamard !== undefined) kernels.hadamard(gate, count * intermediateSize, downHadamard)
    multiply(kernels, [hidden], [layer.down], gate, count, tables)
  }

  /** What a product of `count` columns is added to: its bias, or zeros. */
  #begin(out: Pointer, count: number, bytes: number, bias: Pointer | undefined): void {
    if (bias === undefined) {
      this.#clear(out, count * bytes)
      return
    }
    const row = this.#arena.bytes(bias, bytes)
    for (let i = 0; i < count; i++) this.#arena.bytes(out + i * bytes, bytes).set(row)
  }

  /**
   * One token's rotated keys -= the mean of their rotated bias. Softmax does not see it, since all scores of a query change by the same, but
   * bytes do: Qwen2.5's biases are up to 280 long, where the rest of a key is some 10 (SageAttention, Zhang et al. 2024, takes the mean key away).
   */
  #centre(key: Pointer, { keyBias }: LayerWeights, index: number): void {
    if (keyBias === undefined) return
    const size = this.#config.kvHeadCount * this.#config.headDim
    this.#keyMeans[index] ??= meanRotated(this.#arena.floats(keyBias, size), this.#config)
    const [values, mean] = [this.#arena.floats(key, size), this.#keyMeans[index]]
    for (let i = 0; i < size; i++) values[i] -= mean[i]
  }

  #copy(to: Pointer, from: Pointer, bytes: number): void {
    if (to !== from) this.#arena.bytes(to, bytes).set(this.#arena.bytes(from, bytes))
  }

  #clear(pointer: Pointer, bytes: number): void {
    this.#arena.bytes(pointer, bytes).fill(0)
  }
}

import type { ModelConfig } from '../weights/manifest.ts'
import type { Arena } from './arena.ts'
import type { Kernels, Pointer } from './kernels.ts'
import type { KvCache } from './kv-cache.ts'
import { type Matrix, multiply } from './matrix.ts'
import { fillRotations } from './rope.ts'

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

/** Whose vectors of a chunk are wanted: those of all its tokens, or of the last one. */
export type Keep = 'all' | 'last'

/** Some consecutive layers of a Llama model (Touvron et al. 2023), or of one with biases as Qwen2, in one Wasm memory. */
export class Stage {
  readonly #arena: Arena
  readonly #kernels: Kernels
  readonly #config: ModelConfig
  readonly #layers: readonly LayerWeights[]
  readonly #scratch: Scratch

  /** `chunk`: most tokens of a forward. */
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
   * hidden (count, hiddenSize) f32, in place: `count` tokens at positions from `position` on. Appends to the cache.
   * Where only the last vector is wanted, the last layer of a model need give keys and values only of all other tokens, which saves
   * nearly all of its work in prefill; the vectors of those are left half done.
   */
  forward(hidden: Pointer, count: number, position: number, cache: KvCache, keep: Keep = 'all'): void {
    const half = this.#config.headDim / 2
    const { cos, sin } = this.#scratch
    fillRotations(this.#arena.floats(cos, count * half), this.#arena.floats(sin, count * half), position, this.#config)
    this.#layers.forEach((layer, i) => {
      const from = keep === 'last' && i === this.#layers.length - 1 ? count - 1 : 0
      this.#attention(hidden, count, from, position, layer, cache, i)
      this.#feedForward(hidden + from * this.#config.hiddenSize * 4, count - from, layer)
    })
  }

  /** hidden += Wo attention(norm(hidden)) for the tokens from `from` on; keys and values of all. */
  #attention(
    hidden: Pointer,
    count: number,
    from: number,
    position: number,
    layer: LayerWeights,
    cache: KvCache,
    index: number,
  ): void {
    const { headCount, kvHeadCount, headDim, hiddenSize, rmsNormEps, ropeLayout } = this.#config
    const kernels = this.#kernels
    const { normed, query, key, value, attended, tables, attention, cos, sin } = this.#scratch
    const { capacity } = cache
    const { keys, values } = cache.layers[index]
    const queryBytes = headCount * headDim * 4
    const keyBytes = kvHeadCount * headDim * 4
    const start = from * hiddenSize * 4
    const rope = ropeLayout === 'half' ? kernels.ropeHalf : kernels.ropeInterleaved

    kernels.rmsNorm(normed, hidden, layer.attentionNorm, hiddenSize, count, rmsNormEps)
    this.#begin(query, count, queryBytes, layer.queryBias)
    this.#begin(key, count, keyBytes, layer.keyBias)
    this.#begin(value, count, keyBytes, layer.valueBias)
    if (from === 0) {
      multiply(kernels, [query, key, value], [layer.query, layer.key, layer.value], normed, count, tables)
    } else {
      multiply(kernels, [key, value], [layer.key, layer.value], normed, count, tables)
      multiply(kernels, [query + from * queryBytes], [layer.query], normed + start, count - from, tables)
    }
    // A Hadamard matrix takes queries and keys to others of the same products, and values to others that it turns back once they are summed
    // up, but spreads outliers over the head: so bytes with one scale a head serve (QuaRot, Ashkboos et al. 2024).
    const block = headDim & -headDim
    for (let i = 0; i < count; i++) {
      const angle = i * (headDim / 2) * 4
      rope(key + i * keyBytes, cos + angle, sin + angle, kvHeadCount, headDim)
      kernels.hadamard(key + i * keyBytes, kvHeadCount * headDim, block)
      kernels.hadamard(value + i * keyBytes, kvHeadCount * headDim, block)
      kernels.storeKey(keys, key + i * keyBytes, position + i, kvHeadCount, capacity, headDim)
      kernels.storeValue(values, value + i * keyBytes, position + i, kvHeadCount, capacity, headDim)
      if (i >= from) rope(query + i * queryBytes, cos + angle, sin + angle, headCount, headDim)
    }
    const [tokens, first] = [count - from, position + from]
    const [queries, attendedFrom] = [query + from * queryBytes, attended + from * queryBytes]
    kernels.hadamard(queries, tokens * headCount * headDim, block)
    kernels.attend(
      attendedFrom,
      queries,
      keys,
      values,
      attention,
      first,
      tokens,
      headCount,
      kvHeadCount,
      capacity,
      headDim,
    )
    kernels.hadamard(attendedFrom, tokens * headCount * headDim, block)
    multiply(kernels, [hidden + start], [layer.attentionOutput], attendedFrom, tokens, tables)
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

  #clear(pointer: Pointer, bytes: number): void {
    this.#arena.bytes(pointer, bytes).fill(0)
  }
}

import type { ModelConfig } from '../weights/manifest.ts'
import type { Arena } from './arena.ts'
import type { Kernels, Pointer } from './kernels.ts'

/** Keys and values of one layer, laid out as assembly/kv-cache.ts says. */
export interface LayerCache {
  readonly keys: Pointer
  readonly values: Pointer
}

/** Room for the keys and values of one sequence in some layers. */
export interface KvCache {
  readonly layers: readonly LayerCache[]
  /** Tokens it has room for. */
  readonly capacity: number
}

export function allocateKvCache(
  arena: Arena,
  kernels: Kernels,
  config: ModelConfig,
  layerCount: number,
  capacity: number,
): KvCache {
  const bytes = layerBytes(kernels, config, capacity)
  const layers = Array.from({ length: layerCount }, () => ({
    keys: arena.allocate(bytes.keys),
    values: arena.allocate(bytes.values),
  }))
  return { layers, capacity }
}

/** to <- all that `from`, of the same size, holds. Some MB, whatever of it is wanted: heads and tiles of few tokens lie far apart. */
export function copyKvCache(arena: Arena, kernels: Kernels, config: ModelConfig, to: KvCache, from: KvCache): void {
  const bytes = layerBytes(kernels, config, from.capacity)
  for (const [i, { keys, values }] of from.layers.entries()) {
    arena.bytes(to.layers[i].keys, bytes.keys).set(arena.bytes(keys, bytes.keys))
    arena.bytes(to.layers[i].values, bytes.values).set(arena.bytes(values, bytes.values))
  }
}

function layerBytes(kernels: Kernels, { kvHeadCount, headDim }: ModelConfig, capacity: number) {
  return {
    keys: kernels.keyBytes(kvHeadCount, capacity, headDim),
    values: kernels.valueBytes(kvHeadCount, capacity, headDim),
  }
}

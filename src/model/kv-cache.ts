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
  const { kvHeadCount, headDim } = config
  const layers = Array.from({ length: layerCount }, () => ({
    keys: arena.allocate(kernels.keyBytes(kvHeadCount, capacity, headDim)),
    values: arena.allocate(kernels.valueBytes(kvHeadCount, capacity, headDim)),
  }))
  return { layers, capacity }
}

import { TILE_ROWS } from '../../assembly/layout.ts'
import { align, memorySize } from '../model/arena.ts'
import { headScratchBytes } from '../model/head.ts'
import type { Kernels } from '../model/kernels.ts'
import { kvCacheBytes } from '../model/kv-cache.ts'
import { stageScratchBytes } from '../model/stage.ts'
import type { StageMemory } from '../pipeline/stage-plan.ts'
import { headMatrix, layerTensors, type ModelShape } from '../pipeline/stage-tensors.ts'
import { planeFormat, tensorBytes, tileBytes } from '../weights/plane-layout.ts'

/** What decides the memory of a stage beside its weights. */
export interface StageLimits {
  /** Tokens that a session can hold. */
  readonly contextLength: number
  readonly sessions: number
  readonly chunkLength: number
}

function memoryOf(weightBytes: number, kvBytes: number, scratchBytes: number): StageMemory {
  return { weightBytes, kvBytes, scratchBytes, memoryBytes: memorySize(weightBytes + kvBytes + scratchBytes) }
}

/** Memory of a stage of the layers `first` up to `first + count`. `sizes`: kernels for their size functions, over any memory. */
export function layersMemory(
  sizes: Kernels,
  model: ModelShape,
  first: number,
  count: number,
  { contextLength, sessions, chunkLength }: StageLimits,
): StageMemory {
  const { config } = model
  const layers = Array.from({ length: count }, (_, i) => layerTensors(model, first + i)).flat()
  return memoryOf(
    layers.reduce((sum, tensor) => sum + align(tensorBytes(tensor)), 0),
    sessions * kvCacheBytes(sizes, config, count, contextLength),
    stageScratchBytes(sizes, config, chunkLength, contextLength) + align(chunkLength * config.hiddenSize * 4),
  )
}

/** Memory of a stage of `rows` rows of the head and the norm before it. */
export function headMemory(sizes: Kernels, model: ModelShape, rows: number): StageMemory {
  const matrix = headMatrix(model)
  const norm = align(model.config.hiddenSize * 4)
  const tiles = Math.ceil(rows / TILE_ROWS)
  return memoryOf(
    align(tiles * tileBytes(matrix.shape[1], planeFormat(matrix))) + norm,
    0,
    // The slice multiplies one hidden vector, which a request brings.
    headScratchBytes(sizes, { ...model.config, vocabSize: rows }) + norm,
  )
}

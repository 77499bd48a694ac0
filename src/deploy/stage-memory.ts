import { CountingArena, memorySize } from '../model/arena.ts'
import type { Kernels } from '../model/kernels.ts'
import { allocateWeights } from '../model/load-weights.ts'
import { buildHeadSlice, buildLayers } from '../pipeline/build-stage.ts'
import type { HeadRows, StageMemory } from '../pipeline/stage-plan.ts'
import { headParts, headTensors, layerTensors, type ModelShape } from '../pipeline/stage-tensors.ts'

/** What decides the memory of a stage beside its weights. */
export interface StageLimits {
  /** Tokens that a session can hold. */
  readonly contextLength: number
  readonly sessions: number
  readonly chunkLength: number
}

/** Memory of a stage of the layers `first` up to `first + count`. `sizes`: kernels for their size functions, over any memory. */
export function layersMemory(
  sizes: Kernels,
  model: ModelShape,
  first: number,
  count: number,
  { sessions, ...limits }: StageLimits,
): StageMemory {
  const indexes = Array.from({ length: count }, (_, i) => first + i)
  const arena = new CountingArena()
  const weights = allocateWeights(
    arena,
    indexes.flatMap((i) => layerTensors(model, i)),
  )
  const layers = indexes.map((i) => weights.layer(i))
  const allocated = (sessions: number) => {
    const before = arena.total
    buildLayers(arena, sizes, model, layers, { ...limits, sessions })
    return arena.total - before
  }
  const weightBytes = arena.total
  const scratchBytes = allocated(0)
  return memoryOf(weightBytes, sessions * (allocated(1) - scratchBytes), scratchBytes)
}

/** Memory of a stage of these rows of the head and the norm before it. */
export function headMemory(sizes: Kernels, model: ModelShape, rows: HeadRows): StageMemory {
  const arena = new CountingArena()
  const parts = headParts(model, rows).map(({ tensor }) => tensor)
  const weights = allocateWeights(arena, [...headTensors(model), ...parts])
  const weightBytes = arena.total
  buildHeadSlice(arena, sizes, model, weights, rows)
  return memoryOf(weightBytes, 0, arena.total - weightBytes)
}

function memoryOf(weightBytes: number, kvBytes: number, scratchBytes: number): StageMemory {
  return { weightBytes, kvBytes, scratchBytes, memoryBytes: memorySize(weightBytes + kvBytes + scratchBytes) }
}

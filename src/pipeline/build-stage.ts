import type { Arena } from '../model/arena.ts'
import { Head, logitBytes } from '../model/head.ts'
import type { Kernels } from '../model/kernels.ts'
import { allocateKvCache } from '../model/kv-cache.ts'
import type { Weights } from '../model/load-weights.ts'
import { type LayerWeights, Stage } from '../model/stage.ts'
import type { PlanesTensor } from '../weights/manifest.ts'
import { HeadSlice } from './head-slice.ts'
import { LayersStage } from './layers-stage.ts'
import type { HeadPlan, Plan } from './stage-plan.ts'
import { headMatrix, type ModelShape } from './stage-tensors.ts'

/** A stage of these layers over an arena that has room for it. */
export function buildLayers(
  arena: Arena,
  kernels: Kernels,
  { config }: Pick<ModelShape, 'config'>,
  layers: readonly LayerWeights[],
  { contextLength, sessions, chunkLength }: Pick<Plan, 'contextLength' | 'sessions' | 'chunkLength'>,
): LayersStage {
  return new LayersStage({
    arena,
    stage: new Stage(arena, kernels, config, layers, chunkLength),
    caches: Array.from({ length: sessions }, () =>
      allocateKvCache(arena, kernels, config, layers.length, contextLength),
    ),
    hidden: arena.allocate(chunkLength * config.hiddenSize * 4),
    hiddenSize: config.hiddenSize,
    chunkLength,
  })
}

/** A slice of the head over an arena that has room for it. `weights`: headTensors, and these rows of the matrix. */
export function buildHeadSlice(
  arena: Arena,
  kernels: Kernels,
  model: ModelShape,
  weights: Weights,
  { firstRow, rows }: Pick<HeadPlan, 'firstRow' | 'rows'>,
): HeadSlice {
  const config = { ...model.config, vocabSize: rows }
  const [norm, head] = [weights.vector('norm'), [weights.matrix(headMatrix(model).name)]]
  return new HeadSlice({
    arena,
    head: new Head(arena, kernels, config, norm, head, weights.optionalMatrix('headInput')),
    hidden: arena.allocate(config.hiddenSize * 4),
    logits: arena.allocate(logitBytes(rows)),
    firstRow,
    rows,
  })
}

/** The head's matrix with so many rows of it, which lie nowhere yet. */
export function rowsOfHead(model: ModelShape, rows: number): PlanesTensor {
  const matrix = headMatrix(model)
  return { ...matrix, shape: [rows, matrix.shape[1]], spans: [] }
}

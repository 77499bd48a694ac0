import type { Arena } from '../model/arena.ts'
import { Head, logitBytes } from '../model/head.ts'
import type { Kernels } from '../model/kernels.ts'
import { allocateKvCache } from '../model/kv-cache.ts'
import type { Weights } from '../model/load-weights.ts'
import { type LayerWeights, Stage } from '../model/stage.ts'
import { HeadSlice } from './head-slice.ts'
import { LayersStage } from './layers-stage.ts'
import type { HeadRows, Plan } from './stage-plan.ts'
import { headParts, type ModelShape } from './stage-tensors.ts'

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

/** A slice of the head over an arena that has room for it. `weights`: headTensors, and headParts of these rows. */
export function buildHeadSlice(
  arena: Arena,
  kernels: Kernels,
  model: ModelShape,
  weights: Weights,
  { firstRow, rows }: HeadRows,
): HeadSlice {
  const config = { ...model.config, vocabSize: rows }
  const matrices = headParts(model, { firstRow, rows }).map(({ tensor }) => weights.matrix(tensor.name))
  return new HeadSlice({
    arena,
    head: new Head(arena, kernels, config, weights.vector('norm'), matrices, weights.optionalMatrix('headInput')),
    hidden: arena.allocate(config.hiddenSize * 4),
    logits: arena.allocate(logitBytes(rows)),
    firstRow,
    rows,
  })
}

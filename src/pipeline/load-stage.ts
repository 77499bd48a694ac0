import { Arena } from '../model/arena.ts'
import { instantiateKernels, type KernelModules, type Kernels } from '../model/kernels.ts'
import { loadWeights } from '../model/load-weights.ts'
import type { Manifest, Span } from '../weights/manifest.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { buildHeadSlice, buildLayers } from './build-stage.ts'
import type { HeadSlice } from './head-slice.ts'
import type { LayersStage } from './layers-stage.ts'
import { PipelineError } from './pipeline-error.ts'
import type { HeadPlan, LayersPlan, Plan } from './stage-plan.ts'
import { type BandPart, headParts, headTensors, layerTensors } from './stage-tensors.ts'

/**
 * Load one stage of a plan into a Wasm memory of exactly its size, which can never grow. Throws WeightsError, and PipelineError
 * `plan_mismatch` where the pack is not divided as the plan says.
 */
export async function loadStage(
  store: WeightStore,
  manifest: Manifest,
  plan: Plan,
  index: number,
  modules: KernelModules,
  build?: keyof KernelModules,
): Promise<LayersStage | HeadSlice> {
  const stage = plan.stages[index]
  const arena = new Arena(stage.weightBytes + stage.kvBytes + stage.scratchBytes)
  const kernels = await instantiateKernels(modules, arena.memory, build)
  return stage.kind === 'layers'
    ? loadLayers(store, manifest, plan, stage, arena, kernels)
    : loadHeadSlice(store, manifest, stage, arena, kernels)
}

async function loadLayers(
  store: WeightStore,
  manifest: Manifest,
  plan: Plan,
  { first, count }: LayersPlan,
  arena: Arena,
  kernels: Kernels,
): Promise<LayersStage> {
  const indexes = Array.from({ length: count }, (_, i) => first + i)
  const tensors = indexes.flatMap((i) => layerTensors(manifest, i))
  const weights = await loadWeights(store, tensors, arena)
  const layers = indexes.map((i) => weights.layer(i))
  return buildLayers(arena, kernels, manifest, layers, plan)
}

async function loadHeadSlice(
  store: WeightStore,
  manifest: Manifest,
  stage: HeadPlan,
  arena: Arena,
  kernels: Kernels,
): Promise<HeadSlice> {
  const slice = headParts(manifest, stage).map((part) => ({ ...part.tensor, spans: spansOf(part) }))
  const weights = await loadWeights(store, [...headTensors(manifest), ...slice], arena)
  return buildHeadSlice(arena, kernels, manifest, weights, stage)
}

/** The spans that hold exactly these rows. */
function spansOf({ band, from, to }: BandPart): Span[] {
  const found: Span[] = []
  let at = 0
  for (const span of band.spans) {
    if (at >= from && at + span.bytes <= to) found.push(span)
    at += span.bytes
  }
  if (found.reduce((sum, { bytes }) => sum + bytes, 0) !== to - from) {
    throw new PipelineError(
      'plan_mismatch',
      `tensor ${band.name} is not divided at its bytes ${from} and ${to}; run \`nanbeige-edge deploy\` for this plan`,
    )
  }
  return found
}

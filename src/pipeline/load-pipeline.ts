import type { KernelModules } from '../model/kernels.ts'
import { bandsOf } from '../weights/bands.ts'
import type { Manifest } from '../weights/manifest.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { EmbeddingPages } from './embedding-pages.ts'
import { PipelineModel } from './pipeline-model.ts'
import { StageClient } from './stage-client.ts'
import type { Plan } from './stage-plan.ts'
import type { StageMethods } from './stage-protocol.ts'

/** A model of stages elsewhere, in the order of the plan, all of them loaded. Throws WeightsError, PipelineError. */
export async function loadPipeline(
  store: WeightStore,
  manifest: Manifest,
  plan: Plan,
  stages: readonly StageMethods[],
  modules: KernelModules,
): Promise<PipelineModel> {
  const embedding = await EmbeddingPages.create(store, bandsOf(manifest.tensors, 'embedding'), modules)
  const clients = stages.map((stage, index) => new StageClient(stage, stageName(plan, index)))
  const model = new PipelineModel(plan, manifest.config, embedding, clients)
  await model.load()
  return model
}

function stageName(plan: Plan, index: number): string {
  const stage = plan.stages[index]
  return stage.kind === 'layers'
    ? `stage ${index} (layers ${stage.first} to ${stage.first + stage.count - 1})`
    : `stage ${index} (rows ${stage.firstRow} to ${stage.firstRow + stage.rows - 1} of the head)`
}

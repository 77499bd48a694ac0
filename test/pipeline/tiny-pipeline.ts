import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { headMemory, layersMemory } from '../../src/deploy/stage-memory.ts'
import { ROUTER_FOLDER, stageFolder } from '../../src/deploy/wrangler-configs.ts'
import { writePipeline } from '../../src/deploy/write-scripts.ts'
import { Arena } from '../../src/model/arena.ts'
import type { EdgeModel } from '../../src/model/edge-model.ts'
import { instantiateKernels } from '../../src/model/kernels.ts'
import { loadModel } from '../../src/model/load.ts'
import { kernelModules } from '../../src/pack/kernel-modules.ts'
import { loadPipeline } from '../../src/pipeline/load-pipeline.ts'
import type { PipelineModel } from '../../src/pipeline/pipeline-model.ts'
import type { Plan } from '../../src/pipeline/stage-plan.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { bandedPack } from '../support/banded-pack.ts'
import type { Band } from '../support/banded-shape.ts'
import { tinyPack } from '../support/tiny-pack.ts'
import { LocalStage } from './local-stage.ts'

/** Tokens that the model can hold. */
export const TINY_CONTEXT = 48
export const TINY_VOCAB = 259

/** A tiny model of four layers twice: in one piece, and as three stages of layers and three slices of the head. */
export interface TinyPipeline {
  readonly plan: Plan
  readonly whole: EdgeModel
  /** Names of the tensors. */
  readonly tensors: readonly string[]
  /** New stages, not loaded yet; `plan`: one that they were not divided for. */
  stages(plan?: Plan): LocalStage[]
  pipeline(stages: readonly LocalStage[]): Promise<PipelineModel>
  /** A shard of a stage's own. */
  shardOf(stage: number): Promise<string>
  remove(): Promise<void>
}

/** `bands`: of its embedding and head, whose rows are then random. */
export async function tinyPipeline({
  bands,
  ...options
}: {
  rotated?: boolean
  tied?: boolean
  bands?: readonly Band[]
} = {}): Promise<TinyPipeline> {
  const pack = await tinyPack(4, options)
  const folder = bands ? join(pack.root, 'banded') : pack.folder
  const manifest = bands ? await bandedPack(pack.folder, pack.manifest, folder, bands) : pack.manifest
  const modules = await kernelModules()
  const sizes = await instantiateKernels(modules, new Arena(0).memory)
  const limits = { contextLength: TINY_CONTEXT, sessions: 2, chunkLength: 5 }
  const layers = (first: number, count: number) => ({
    ...{ kind: 'layers' as const, first, count },
    ...layersMemory(sizes, manifest, first, count, limits),
  })
  const slice = (firstRow: number, rows: number) => ({
    ...{ kind: 'head' as const, firstRow, rows },
    ...headMemory(sizes, manifest, { firstRow, rows }),
  })
  const plan: Plan = {
    name: 'tiny',
    ...limits,
    stages: [layers(0, 1), layers(1, 2), layers(3, 1), slice(0, 32), slice(32, 192), slice(224, 35)],
  }
  const out = join(pack.root, 'deploy')
  await writePipeline(folderStore(folder), manifest, plan, out, () => {})
  const weights = (folder: string) => join(out, folder, 'assets/weights/tiny')
  return {
    plan,
    tensors: manifest.tensors.map(({ name }) => name),
    whole: await loadModel(folderStore(folder), manifest, modules, {
      contextLength: TINY_CONTEXT,
      sequences: 3,
    }),
    stages: (of = plan) =>
      of.stages.map((_, index) => new LocalStage(folderStore(weights(stageFolder(index))), of, index, modules)),
    async pipeline(stages) {
      const store = folderStore(weights(ROUTER_FOLDER))
      return loadPipeline(store, parseManifest(await store.manifest(), 'tiny'), plan, stages, modules)
    },
    async shardOf(stage) {
      const folder = weights(stageFolder(stage))
      return join(folder, (await readdir(folder)).find((file) => file.endsWith('.bin'))!)
    },
    remove: pack.remove,
  }
}

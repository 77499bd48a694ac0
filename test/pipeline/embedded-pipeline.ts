import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { planStages } from '../../src/deploy/plan.ts'
import { MIB } from '../../src/deploy/platform-limits.ts'
import { writePipeline } from '../../src/deploy/write-scripts.ts'
import { Arena } from '../../src/model/arena.ts'
import { instantiateKernels } from '../../src/model/kernels.ts'
import { CHUNK_LENGTH } from '../../src/model/load.ts'
import { kernelModules } from '../../src/pack/kernel-modules.ts'
import type { Plan } from '../../src/pipeline/stage-plan.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'

/** The embedded model, divided into scripts ready to start. */
export interface EmbeddedPipeline {
  readonly plan: Plan
  readonly hiddenSize: number
  readonly out: string
  remove(): Promise<void>
}

/** `sessions`: KV caches of each stage. */
export async function embeddedPipeline(sessions: number): Promise<EmbeddedPipeline> {
  const store = folderStore(new URL('../../weights/smollm2-135m-instruct', import.meta.url).pathname)
  const manifest = parseManifest(await store.manifest(), 'manifest.json')
  const sizes = await instantiateKernels(await kernelModules(), new Arena(0).memory)
  const plan = planStages(sizes, manifest, {
    ...{ contextLength: 512, sessions, chunkLength: CHUNK_LENGTH },
    // Three stages of layers and two slices of the head.
    ceilingBytes: 28 * MIB,
  })
  const out = await mkdtemp(join(tmpdir(), 'pipeline-'))
  await writePipeline(store, manifest, plan, out, () => {})
  const { hiddenSize } = manifest.config
  return { plan, hiddenSize, out, remove: () => rm(out, { recursive: true }) }
}

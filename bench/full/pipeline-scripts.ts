import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { planStages } from '../../src/deploy/plan.ts'
import { MAX_STAGE_MIB, MIB } from '../../src/deploy/platform-limits.ts'
import { CONFIG_FILE, ROUTER_FOLDER } from '../../src/deploy/wrangler-configs.ts'
import { writePipeline } from '../../src/deploy/write-scripts.ts'
import { Arena } from '../../src/model/arena.ts'
import { instantiateKernels } from '../../src/model/kernels.ts'
import { CHUNK_LENGTH } from '../../src/model/load.ts'
import { kernelModules } from '../../src/pack/kernel-modules.ts'
import type { Plan } from '../../src/pipeline/stage-plan.ts'
import { startPipeline } from '../../src/serve/start-pipeline.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { CACHE } from './cache.ts'
import { CONTEXT_LENGTH, type PlaneCount } from './geometry.ts'
import { randomPack } from './random-pack.ts'

const SESSIONS = 2

/** The scripts of a pipeline, ready to start. */
export interface PipelineScripts {
  readonly plan: Plan
  readonly folder: string
  /** wrangler.json of the router as it would be deployed. */
  readonly router: string
}

/** Divide a random pack as `nanbeige-edge deploy` does. */
export async function writePipelineScripts(planes: PlaneCount): Promise<PipelineScripts> {
  const store = folderStore(await randomPack(planes))
  const manifest = parseManifest(await store.manifest(), 'manifest.json')
  const sizes = await instantiateKernels(await kernelModules(), new Arena(0).memory)
  const plan = planStages(sizes, manifest, {
    ceilingBytes: MAX_STAGE_MIB * MIB,
    contextLength: CONTEXT_LENGTH,
    sessions: SESSIONS,
    chunkLength: CHUNK_LENGTH,
  })
  const folder = join(CACHE, `pipeline-${planes}`)
  await writePipeline(store, manifest, plan, folder, () => {})
  return { plan, folder, router: await readFile(routerConfig(folder), 'utf8') }
}

const routerConfig = (folder: string) => join(folder, ROUTER_FOLDER, CONFIG_FILE)

export interface FullPipeline extends Awaited<ReturnType<typeof startPipeline>> {
  /** Of the runtime's inspector. */
  readonly inspector: URL
}

/** All scripts in one workerd, with the router that is deployed or with pipeline-worker.ts in its place. */
export async function startScripts(scripts: PipelineScripts, which: 'router' | 'bench'): Promise<FullPipeline> {
  const config = JSON.parse(scripts.router)
  if (which === 'bench') {
    config.main = relative(
      join(scripts.folder, ROUTER_FOLDER),
      fileURLToPath(new URL('pipeline-worker.ts', import.meta.url)),
    )
    config.assets.run_worker_first = true
  }
  await writeFile(routerConfig(scripts.folder), JSON.stringify(config))
  const inspectorPort = await freePort()
  const running = await startPipeline({ out: scripts.folder, port: 0, inspectorPort })
  return { ...running, inspector: new URL(`ws://127.0.0.1:${inspectorPort}`) }
}

/** startPipeline does not say which port it took. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

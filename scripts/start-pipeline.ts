import { link, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { ASSETS_FOLDER, CONFIG_FILE, ROUTER_FOLDER, stageFolder } from '../src/pipeline/wrangler-configs.ts'
import { bundleWorker, miniflareOptions } from './bundle-worker.ts'
import { startMiniflare, type WorkerOptions } from './start-miniflare.ts'
import type { RunningWorker } from './start-worker.ts'

interface StartPipelineOptions {
  /** Folder that `nanbeige-edge deploy` wrote. */
  readonly out: string
  /** 0: any free one. */
  readonly port: number
  /** Of the runtime's inspector, which has a target for each script; 0: any free one. */
  readonly inspectorPort?: number
}

/** Start the router and all stages of a pipeline in one workerd on loopback, from the configurations that would be deployed. */
export async function startPipeline({ out, port, inspectorPort }: StartPipelineOptions): Promise<RunningWorker> {
  const stages = (await readdir(out).catch(() => [])).filter((name) => /^stage-\d+$/.test(name)).length
  if (stages === 0) throw new Error(`${out} has no stages; \`npx nanbeige-edge deploy PACK --dry-run\` writes them`)
  const directory = await joinAssets(out)
  const configOf = (folder: string) => join(out, folder, CONFIG_FILE)
  // Stages differ in their configuration only.
  const [router, stage] = await Promise.all([ROUTER_FOLDER, stageFolder(0)].map((name) => bundleWorker(configOf(name))))
  const worker = async (folder: string, { modulesRoot, modules }: typeof router): Promise<WorkerOptions> => {
    const { options } = await miniflareOptions(configOf(folder))
    const { name } = JSON.parse(await readFile(configOf(folder), 'utf8')) as { name: string }
    return { ...options, name, modulesRoot, modules, assets: { ...options.assets!, directory } }
  }
  const miniflare = startMiniflare({
    workers: [
      await worker(ROUTER_FOLDER, router),
      ...(await Promise.all(Array.from({ length: stages }, (_, index) => worker(stageFolder(index), stage)))),
    ],
    host: '127.0.0.1',
    port,
    inspectorPort,
    cf: false,
  })
  const { port: actual } = await miniflare.ready
  return {
    url: `http://localhost:${actual}`,
    async stop() {
      await miniflare.dispose()
      await Promise.all([router.remove(), stage.remove()])
    },
  }
}

/**
 * One folder with the assets of all scripts: a Miniflare (4.20260426) reads the assets of every Worker from the folder of the first. Links
 * take no room, and files of equal path are equal.
 */
async function joinAssets(out: string): Promise<string> {
  const joined = resolve(out, 'joined-assets')
  await rm(joined, { recursive: true, force: true })
  for (const script of await readdir(out)) {
    const folder = join(out, script, ASSETS_FOLDER)
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
    for (const entry of entries.filter((entry) => entry.isFile())) {
      const path = join(entry.parentPath, entry.name)
      const target = join(joined, path.slice(folder.length))
      await mkdir(dirname(target), { recursive: true })
      await link(path, target).catch((error) => {
        if (error.code !== 'EEXIST') throw error
      })
    }
  }
  return joined
}

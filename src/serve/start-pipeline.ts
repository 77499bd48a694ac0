import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CONFIG_FILE, ROUTER_FOLDER, stageFolder } from '../deploy/wrangler-configs.ts'
import { bundleWorker, miniflareOptions } from './bundle-worker.ts'
import { SILENT, startMiniflare, type WorkerOptions } from './start-miniflare.ts'
import type { RunningWorker } from './start-worker.ts'

interface StartPipelineOptions {
  /** Folder that `nanbeige-edge deploy` wrote. */
  readonly out: string
  /** 0: any free one. */
  readonly port: number
  /** Variables and secrets of the router beside those of its configuration, and ACCESS for whoever reaches this machine. */
  readonly vars?: Readonly<Record<string, string>>
  /** Of the runtime's inspector, which has a target for each script; 0: any free one. */
  readonly inspectorPort?: number
  /** Drop what workerd and the Workers write. */
  readonly silent?: boolean
}

/** Start the router and all stages of a pipeline in one workerd on loopback, from the configurations that would be deployed. */
export async function startPipeline({
  out,
  port,
  vars = {},
  inspectorPort,
  silent = false,
}: StartPipelineOptions): Promise<RunningWorker> {
  const stages = (await readdir(out).catch(() => [])).filter((name) => /^stage-\d+$/.test(name)).length
  if (stages === 0) throw new Error(`${out} has no stages; \`npx nanbeige-edge deploy PACK --dry-run\` writes them`)
  const configOf = (folder: string) => join(out, folder, CONFIG_FILE)
  // Stages differ in their configuration only.
  const [router, stage] = await Promise.all([ROUTER_FOLDER, stageFolder(0)].map((name) => bundleWorker(configOf(name))))
  const worker = async (folder: string, { modulesRoot, modules }: typeof router): Promise<WorkerOptions> => {
    const { options } = await miniflareOptions(configOf(folder))
    const { name } = JSON.parse(await readFile(configOf(folder), 'utf8')) as { name: string }
    return { ...options, name, modulesRoot, modules }
  }
  const edge = await worker(ROUTER_FOLDER, router)
  const miniflare = startMiniflare({
    workers: [
      { ...edge, bindings: { ...edge.bindings, ACCESS: 'loopback', ...vars } },
      ...(await Promise.all(Array.from({ length: stages }, (_, index) => worker(stageFolder(index), stage)))),
    ],
    host: '127.0.0.1',
    port,
    inspectorPort,
    cf: false,
    ...(silent && SILENT),
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

import { join } from 'node:path'
import { bundleWorker, miniflareOptions } from './bundle-worker.ts'
import { PROJECT } from './project.ts'
import { SILENT, startMiniflare } from './start-miniflare.ts'

export interface RunningWorker {
  /** Without a slash at the end. */
  readonly url: string
  stop(): Promise<void>
}

interface StartOptions {
  /** 0: any free one. */
  readonly port: number
  /** Path of a wrangler.toml. */
  readonly config?: string
  /** Folder of static assets in place of the configuration's. */
  readonly assets?: string
  /** Variables and secrets beside those of the configuration, and ACCESS for whoever reaches this machine. */
  readonly vars?: Readonly<Record<string, string | number>>
  /** A folder that what objects store outlasts the Worker in; left out: nothing does. */
  readonly storage?: string
  /** Of the runtime's inspector; 0: any free one. */
  readonly inspectorPort?: number
  /** Drop what workerd and the Worker write, as the stack of every connection that fails. */
  readonly silent?: boolean
}

/**
 * Start a Worker in workerd on loopback; dist/ must have been built. wrangler bundles it and reads its configuration, but does not
 * serve it: under `wrangler dev` (4.164) an object that was idle for 10 seconds is evicted, with the weights that it has loaded.
 */
export async function startWorker({
  port,
  config = join(PROJECT, 'wrangler.toml'),
  assets,
  vars = {},
  storage,
  inspectorPort,
  silent = false,
}: StartOptions): Promise<RunningWorker> {
  const { modulesRoot, modules, remove } = await bundleWorker(config)
  const { options } = await miniflareOptions(config)
  const miniflare = startMiniflare({
    ...options,
    bindings: { ...options.bindings, ACCESS: 'loopback', ...vars },
    ...(assets !== undefined && { assets: { ...options.assets!, directory: assets } }),
    name: 'worker',
    modulesRoot,
    modules,
    host: '127.0.0.1',
    port,
    inspectorPort,
    resourcePersistencePath: storage,
    cf: false,
    ...(silent && SILENT),
  })
  const { port: actual } = await miniflare.ready
  return {
    url: `http://localhost:${actual}`,
    async stop() {
      await miniflare.dispose()
      await remove()
    },
  }
}

import { type Bundle, bundleWorker, miniflareOptions } from '../../src/serve/bundle-worker.ts'
import { startMiniflare, type WorkerOptions } from '../../src/serve/start-miniflare.ts'
import type { RunningWorker } from '../../src/serve/start-worker.ts'

const CONFIG = 'bench/full/wrangler.toml'

/** worker.ts and its configuration: what is ready before a cold start. */
export interface FullBundle extends Bundle {
  readonly options: WorkerOptions
}

export interface FullWorker extends RunningWorker {
  /** Of the runtime's inspector. */
  readonly inspector: URL
}

export async function bundleFullWorker(): Promise<FullBundle> {
  const { options } = await miniflareOptions(CONFIG)
  return { ...(await bundleWorker(CONFIG)), options }
}

/**
 * worker.ts in a workerd of its own on loopback, with a pack's folder as its static assets: their names are read now, their
 * contents when the model loads.
 */
export async function startFullWorker(bundle: FullBundle, pack: string): Promise<FullWorker> {
  const { options, modulesRoot, modules } = bundle
  const miniflare = startMiniflare({
    ...options,
    name: 'worker',
    modulesRoot,
    modules,
    assets: {
      directory: pack,
      binding: 'ASSETS',
      routerConfig: { invoke_user_worker_ahead_of_assets: true, has_user_worker: true },
    },
    host: '127.0.0.1',
    port: 0,
    inspectorPort: 0,
    cf: false,
  })
  const { origin } = await miniflare.ready
  return {
    url: origin,
    inspector: await miniflare.getInspectorURL(),
    stop: () => miniflare.dispose(),
  }
}

import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { WRANGLER } from './project.ts'
import type { WorkerOptions } from './start-miniflare.ts'

// Neither telemetry nor the request for a sample `cf` object: everything works without a network.
process.env.WRANGLER_SEND_METRICS = 'false'

/** The modules of a Worker as Miniflare takes them. */
export interface Bundle {
  readonly modulesRoot: string
  readonly modules: { readonly type: 'ESModule' | 'CompiledWasm'; readonly path: string }[]
  remove(): Promise<void>
}

/** Bundle the Worker of a wrangler configuration as `wrangler deploy` does; dist/ must have been built. */
export async function bundleWorker(config: string): Promise<Bundle> {
  // A folder of its own, since tests start several at once.
  const modulesRoot = await mkdtemp(join(tmpdir(), 'nanbeige-edge-worker-'))
  const removeAtExit = () => rmSync(modulesRoot, { recursive: true, force: true })
  process.once('exit', removeAtExit)
  // wrangler takes a second to load, there and here: both at once.
  const [{ main }] = await Promise.all([
    miniflareOptions(config),
    promisify(execFile)(process.execPath, [
      WRANGLER,
      ...['deploy', '--dry-run', '--config', config, '--outdir', modulesRoot],
    ]),
  ])
  const script = basename(main!).replace(/\.ts$/, '.js')
  const wasmFiles = (await readdir(modulesRoot)).filter((file) => file.endsWith('.wasm'))
  return {
    modulesRoot,
    modules: [
      { type: 'ESModule', path: resolve(modulesRoot, script) },
      ...wasmFiles.map((file) => ({ type: 'CompiledWasm' as const, path: resolve(modulesRoot, file) })),
    ],
    async remove() {
      process.off('exit', removeAtExit)
      await rm(modulesRoot, { recursive: true })
    },
  }
}

/**
 * Everything but the modules: bindings, assets and variables. Objects stay: workerd (1.20261117) would evict one that was idle for 10
 * seconds, and the next request would wait for the weights again.
 */
export async function miniflareOptions(config: string) {
  // Imported late, since wrangler reads the environment when it loads.
  const { unstable_getMiniflareWorkerOptions: optionsOf } = await import('wrangler')
  const { main, workerOptions } = optionsOf(config)
  const options = workerOptions as WorkerOptions
  for (const object of Object.values(options.durableObjects ?? {})) {
    Object.assign(object, { unsafePreventEviction: true })
  }
  return { main, options }
}

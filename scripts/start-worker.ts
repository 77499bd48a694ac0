import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Miniflare, type WorkerOptions } from 'miniflare'

// Neither telemetry nor the request for a sample `cf` object: everything works without a network.
process.env.WRANGLER_SEND_METRICS = 'false'

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
}

/**
 * Start a Worker in workerd on loopback; dist/ must have been built. wrangler bundles it and reads its configuration, but does not
 * serve it: the proxy of `wrangler dev` loses hang-ups (16 of 30 streams ran on to their end; none without it), and a
 * computation that nobody waits for would keep all others waiting.
 */
export async function startWorker({ port, config = 'wrangler.toml' }: StartOptions): Promise<RunningWorker> {
  // Imported late, since wrangler reads the environment when it loads.
  const { unstable_getMiniflareWorkerOptions: optionsOf } = await import('wrangler')
  // A folder of its own, since tests start several at once.
  const modulesRoot = await mkdtemp(join(tmpdir(), 'nanbeige-edge-worker-'))
  await promisify(execFile)(process.execPath, [
    'node_modules/wrangler/bin/wrangler.js',
    ...['deploy', '--dry-run', '--config', config, '--outdir', modulesRoot],
  ])
  const wasmFiles = (await readdir(modulesRoot)).filter((file) => file.endsWith('.wasm'))
  const { workerOptions, main } = optionsOf(config)
  const bundle = basename(main!).replace(/\.ts$/, '.js')
  const miniflare = new Miniflare({
    ...(workerOptions as WorkerOptions),
    name: 'worker',
    modulesRoot,
    modules: [
      { type: 'ESModule', path: resolve(modulesRoot, bundle) },
      ...wasmFiles.map((file) => ({ type: 'CompiledWasm' as const, path: resolve(modulesRoot, file) })),
    ],
    host: '127.0.0.1',
    port,
    cf: false,
  })
  const { port: actual } = await miniflare.ready
  return {
    url: `http://localhost:${actual}`,
    async stop() {
      await miniflare.dispose()
      await rm(modulesRoot, { recursive: true })
    },
  }
}

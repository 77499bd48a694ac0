import process from 'node:process'

// Neither telemetry nor the request for a sample `cf` object: everything works without a network.
process.env.WRANGLER_SEND_METRICS = 'false'
process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'

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

/** Start a Worker in workerd on loopback. dist/ must have been built. */
export async function startWorker({ port, config = 'wrangler.toml' }: StartOptions): Promise<RunningWorker> {
  // Imported late, since wrangler reads the environment when it loads.
  const { unstable_startWorker: start } = await import('wrangler')
  const worker = await start({
    config,
    dev: { server: { hostname: '127.0.0.1', port }, inspector: false, watch: false, persist: false, logLevel: 'warn' },
  })
  await worker.ready
  const { port: actual } = await worker.url
  return { url: `http://localhost:${actual}`, stop: () => worker.dispose() }
}

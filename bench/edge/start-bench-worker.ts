import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'
import { buildReadKernel } from '../support/build.ts'

export interface BenchWorker extends RunningWorker {
  /** Post JSON to a route of worker.ts and parse what it answers. */
  call<T>(path: string, body?: unknown): Promise<T>
}

/** bench/edge/worker.ts in workerd. */
export async function startBenchWorker(): Promise<BenchWorker> {
  await buildReadKernel()
  const worker = await startWorker({ port: 0, config: 'bench/edge/wrangler.toml' })
  return {
    ...worker,
    async call<T>(path: string, body: unknown = null) {
      const response = await fetch(worker.url + path, { method: 'POST', body: JSON.stringify(body) })
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
      return (await response.json()) as T
    },
  }
}

import { convertV4MiniflareOptions, Miniflare, type V4MiniflareOptions, type V4WorkerOptions } from 'miniflare'

/** What one Worker is made of, in the form that wrangler reads its configuration to. */
export type WorkerOptions = V4WorkerOptions

/** Drops what workerd and the Worker write, as a line for each request. */
export const SILENT: Pick<V4MiniflareOptions, 'handleStructuredLogs'> = { handleStructuredLogs: () => {} }

/** Starts workerd. wrangler (4.164) still speaks of a Worker as Miniflare 4 did, so that Miniflare 5 is spoken to in that form too. */
export function startMiniflare(options: V4MiniflareOptions): Miniflare {
  return new Miniflare(convertV4MiniflareOptions(options))
}

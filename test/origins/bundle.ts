import { build } from 'esbuild'

/** origins-worker.ts for workerd. */
export async function bundleOriginsWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL('origins-worker.ts', import.meta.url).pathname],
    bundle: true,
    format: 'esm',
    external: ['node:*', 'cloudflare:*'],
    write: false,
  })
  return outputFiles[0].text
}

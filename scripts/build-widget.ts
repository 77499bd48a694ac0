import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { build, type Metafile } from 'esbuild'

const ROOT = new URL('../', import.meta.url)
const ASSETS = new URL('dist/assets/', ROOT)

/**
 * Headers of the files that stand for a path. Other sites may load the widget and its chunks as modules, which takes CORS; the page runs
 * nothing else. A chunk's name has a hash of what is in it.
 */
export const PAGE_HEADERS = {
  '/widget.js': { 'Access-Control-Allow-Origin': '*' },
  '/widget/*': { 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'public, max-age=31536000, immutable' },
  '/': {
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'",
  },
} as const

/** Builds the chat page and the widget into the folder of the Worker's static assets. */
export async function buildWidget(): Promise<void> {
  await mkdir(ASSETS, { recursive: true })
  // Chunks of an earlier build have other names.
  await rm(new URL('widget', ASSETS), { recursive: true, force: true })
  await bundleWidget(ASSETS.pathname)
  await copyFile(new URL('src/widget/index.html', ROOT), new URL('index.html', ASSETS))
  await writeFile(new URL('_headers', ASSETS), headersFile())
}

/** Writes widget.js, and below widget/ what it imports when that is needed first. Resolves to esbuild's account of both. */
export async function bundleWidget(folder: string): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: { widget: new URL('src/widget/elements.ts', ROOT).pathname },
    outdir: folder,
    chunkNames: 'widget/[name]-[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    metafile: true,
  })
  return metafile
}

/** As Cloudflare's static assets read it: a path, and its headers on lines of their own. */
function headersFile(): string {
  const lines = Object.entries(PAGE_HEADERS).map(([path, headers]) =>
    [path, ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`)].join('\n'),
  )
  return `${lines.join('\n')}\n`
}

if (import.meta.main) await buildWidget()

import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'

const ROOT = new URL('../', import.meta.url)
const ASSETS = new URL('dist/assets/', ROOT)

/** Headers of the files that stand for a path. Other sites may load the widget as a module, which takes CORS; the page runs nothing else. */
export const PAGE_HEADERS = {
  '/widget.js': { 'Access-Control-Allow-Origin': '*' },
  '/': {
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'",
  },
} as const

/** Builds the chat page and the widget into the folder of the Worker's static assets. */
export async function buildWidget(): Promise<void> {
  await mkdir(ASSETS, { recursive: true })
  await build({
    entryPoints: [new URL('src/widget/nanbeige-chat.ts', ROOT).pathname],
    outfile: new URL('widget.js', ASSETS).pathname,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
  })
  await copyFile(new URL('src/widget/index.html', ROOT), new URL('index.html', ASSETS))
  await writeFile(new URL('_headers', ASSETS), headersFile())
}

/** As Cloudflare's static assets read it: a path, and its headers on lines of their own. */
function headersFile(): string {
  const lines = Object.entries(PAGE_HEADERS).map(([path, headers]) =>
    [path, ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`)].join('\n'),
  )
  return `${lines.join('\n')}\n`
}

if (import.meta.main) await buildWidget()

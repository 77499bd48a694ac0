import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { build, type Metafile, type Plugin } from 'esbuild'
import { REFERENCE_HEADERS } from './build-reference.ts'

const ROOT = new URL('../', import.meta.url)
const ASSETS = new URL('dist/assets/', ROOT)

/**
 * Headers of the files that stand for a path. Other sites may load the widget and its chunks as modules, which takes CORS; the page runs
 * nothing else. A chunk's name has a hash of what is in it.
 */
export const PAGE_HEADERS = {
  ...REFERENCE_HEADERS,
  '/widget.js': { 'Access-Control-Allow-Origin': '*' },
  '/widget/*': { 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'public, max-age=31536000, immutable' },
  '/': {
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types lit-html dompurify",
  },
} as const

/** Builds the chat page and the widget into the folder of the Worker's static assets. */
export async function buildWidget(): Promise<void> {
  await mkdir(ASSETS, { recursive: true })
  // Chunks of an earlier build have other names.
  await rm(new URL('widget', ASSETS), { recursive: true, force: true })
  await bundleWidget(ASSETS.pathname)
  await buildPage()
  await writeFile(new URL('_headers', ASSETS), headersFile())
}

/** The server's own page, around the widget. */
async function buildPage(): Promise<void> {
  const page = new URL('src/widget/page/', ROOT)
  for (const file of ['index.html', 'page.css']) await copyFile(new URL(file, page), new URL(file, ASSETS))
  await build({
    entryPoints: [new URL('page.ts', page).pathname],
    outdir: ASSETS.pathname,
    minify: true,
    format: 'esm',
  })
}

/** Writes widget.js, and below widget/ what it imports when that is needed first. Resolves to esbuild's account of both. */
export async function bundleWidget(folder: string, entry = 'src/widget/elements.ts'): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: { widget: new URL(entry, ROOT).pathname },
    outdir: folder,
    chunkNames: 'widget/[name]-[hash]',
    absWorkingDir: ROOT.pathname,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    // Not as binary: esbuild (0.28) has every chunk import its helpers as soon as one needs them.
    loader: { '.css': 'text', '.woff2': 'base64' },
    plugins: [highlightAsModule],
    metafile: true,
  })
  return metafile
}

/** The core of highlight.js (11.12), which is CommonJS, as a module: that needs no helper of esbuild. */
const highlightAsModule: Plugin = {
  name: 'highlight-as-module',
  setup({ onLoad }) {
    onLoad({ filter: /highlight\.js[/\\]lib[/\\]core\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      return { contents: source.replace(/^module\.exports = (\w+);$/m, 'export default $1;') }
    })
  },
}

/** As Cloudflare's static assets read it: a path, and its headers on lines of their own. */
function headersFile(): string {
  const lines = Object.entries(PAGE_HEADERS).map(([path, headers]) =>
    [path, ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`)].join('\n'),
  )
  return `${lines.join('\n')}\n`
}

if (import.meta.main) await buildWidget()

import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'

const ROOT = new URL('../', import.meta.url)
const ASSETS = new URL('dist/assets/', ROOT)

// Other sites may load the widget as a module, which takes CORS. The page itself runs nothing but the widget.
const HEADERS = `/widget.js
  Access-Control-Allow-Origin: *
/
  Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'
`

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
  await writeFile(new URL('_headers', ASSETS), HEADERS)
}

if (import.meta.main) await buildWidget()

import { readFile, writeFile } from 'node:fs/promises'
import { openApiDocument } from '../src/http/openapi/document.ts'
import { referencePage } from '../src/http/openapi/page.ts'

const ROOT = new URL('../', import.meta.url)
const ASSETS = new URL('dist/assets/', ROOT)

/** Headers of the files that stand for a path. The page runs nothing, and asks nobody for anything. */
export const REFERENCE_HEADERS = {
  '/openapi.json': { 'Access-Control-Allow-Origin': '*' },
  '/docs': {
    'Content-Security-Policy':
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'",
  },
} as const

/** Writes what the API is, for programs and for people, to the folder of the Worker's static assets, which has to be there. */
export async function buildReference(): Promise<void> {
  const { version } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'))
  const document = openApiDocument(version)
  await writeFile(new URL('openapi.json', ASSETS), JSON.stringify(document))
  await writeFile(new URL('docs.html', ASSETS), referencePage(document))
}

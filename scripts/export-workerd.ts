// Writes all that it takes to run the edge without Node: workerd, its configuration, the Worker, the chat page and one pack.
//
//   node scripts/export-workerd.ts OUT            the MODEL of wrangler.toml
//   node scripts/export-workerd.ts OUT NAME       the pack weights/NAME
//   cd OUT && ./workerd serve config.capnp        listens at all networks, port 8787
import { chmod, copyFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { baseConfig } from '../src/deploy/write-scripts.ts'
import { bundleWorker } from '../src/serve/bundle-worker.ts'
import { PROJECT } from '../src/serve/project.ts'
import { WORKERD, workerdConfig } from '../src/serve/workerd-config.ts'
import { PAGE_HEADERS } from './build-widget.ts'

const [out, name] = process.argv.slice(2)
if (out === undefined) throw new Error('usage: node scripts/export-workerd.ts OUT [NAME]')

const config = join(PROJECT, 'wrangler.toml')
// Not what .dev.vars adds to it: secrets of this machine.
const base = await baseConfig()
const { MODEL, ...vars } = base.vars
const model = name || String(MODEL)
const bundle = await bundleWorker(config)
const front = join(PROJECT, 'src', 'serve', 'front.js')

for (const folder of ['assets/weights', 'storage']) await mkdir(join(out, folder), { recursive: true })
const files = [...bundle.modules.map(({ path }) => path), front]
await Promise.all(files.map((path) => copyFile(path, join(out, basename(path)))))
const pages = join(PROJECT, 'dist', 'assets')
// The pages; of the weights only this model's, and no headers for Cloudflare.
const ofPages = (path: string) => !['weights', '_headers'].includes(relative(pages, path))
await cp(pages, join(out, 'assets'), { recursive: true, filter: ofPages })
const chunks = await readdir(join(pages, 'widget'))
await cp(join(PROJECT, 'weights', model), join(out, 'assets', 'weights', model), { recursive: true })
await copyFile(WORKERD, join(out, 'workerd'))
await chmod(join(out, 'workerd'), 0o755)
await writeFile(
  join(out, 'config.capnp'),
  workerdConfig({
    modules: bundle.modules,
    pathOf: (module) => basename(module),
    compatibilityDate: base.compatibility_date,
    compatibilityFlags: base.compatibility_flags,
    address: '*:8787',
    object: { binding: 'EDGE', className: 'Edge' },
    assets: 'assets',
    storage: 'storage',
    vars: { ...vars, MODEL: model },
    environment: ['SEQUENCES', 'CACHE_MIB', 'ORIGINS', 'ORIGIN_KEY', 'API_KEYS', 'ACCESS', 'ALLOWED_ORIGINS'],
    front: { module: front, vars: { HEADERS: headersByPath(chunks) }, environment: ['ALLOWED_ORIGINS'] },
  }),
)
await bundle.remove()
console.log(`${resolve(out)}: ${model}, to be run by ./workerd serve config.capnp`)
process.exit()

/** Headers of each path that is a page: without the star, whoever asks gets these files and no others. */
function headersByPath(chunks: readonly string[]): Record<string, Record<string, string>> {
  const { '/widget/*': ofChunk, ...pages } = PAGE_HEADERS
  return { ...pages, ...Object.fromEntries(chunks.map((chunk) => [`/widget/${chunk}`, ofChunk])) }
}

// Makes the widget's npm package in dist/widget-package, from which `npm run package:widget` packs a tarball.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Metafile } from 'esbuild'
import { bundleWidget } from './build-widget.ts'

const ROOT = new URL('../', import.meta.url)
const run = promisify(execFile)

/** The module is whole, so that it runs without a bundler too; hence no dependencies, and the licences of what is in it. */
export async function buildWidgetPackage(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const [bundle] = await Promise.all([bundleWidget(folder), writeTypes(join(folder, 'types'))])
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(await packageJson(), null, 2)}\n`)
  await writeFile(join(folder, 'THIRD-PARTY-LICENSES.txt'), await licences(bundle))
  await writeFile(join(folder, 'README.md'), await readme())
  await copyFile(new URL('src/widget/custom-elements.json', ROOT), join(folder, 'custom-elements.json'))
  await copyFile(new URL('LICENSE', ROOT), join(folder, 'LICENSE'))
}

async function packageJson(): Promise<object> {
  const { version, license } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'))
  return {
    name: 'nanbeige-chat',
    version,
    description:
      'A chat with a model that thinks and moves, as a custom element: streaming, resumable, for any OpenAI-compatible server.',
    license,
    type: 'module',
    exports: {
      '.': { types: './types/public.d.ts', default: './widget.js' },
      './react': { types: './types/react.d.ts' },
      './widget.js': './widget.js',
      './custom-elements.json': './custom-elements.json',
    },
    customElements: 'custom-elements.json',
    // To import it defines the elements.
    sideEffects: true,
    keywords: ['chat', 'llm', 'custom-element', 'web-component', 'openai', 'reasoning'],
  }
}

async function writeTypes(folder: string): Promise<void> {
  const sources = ['public', 'react'].map((name) => new URL(`src/widget/${name}.ts`, ROOT).pathname)
  const to = ['--ignoreConfig', '--declaration', '--emitDeclarationOnly', '--outDir', folder]
  const as = ['--target', 'es2024', '--module', 'nodenext', '--strict', '--allowImportingTsExtensions']
  await run(process.execPath, [new URL('node_modules/typescript/bin/tsc', ROOT).pathname, ...sources, ...to, ...as])
}

/** docs/widget.md; what it links to is not in the package. */
async function readme(): Promise<string> {
  const text = await readFile(new URL('docs/widget.md', ROOT), 'utf8')
  return text.replaceAll(/\[([^\]]+)\]\(\.\.\/[^)]+\)/g, '$1')
}

/** The text of the licence of every package that has code in the bundle. */
async function licences({ inputs }: Metafile): Promise<string> {
  const folders = Object.keys(inputs).flatMap((path) => path.match(/^.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? [])
  const texts = [...new Set(folders)].sort().map(async (folder) => {
    const files = (await readdir(new URL(folder, ROOT))).filter((name) => /^licen[cs]e/i.test(name))
    if (files.length === 0) throw new Error(`${folder} has no licence in a file of its own. Its text has to go along.`)
    const licences = files.map((file) => readFile(new URL(`${folder}/${file}`, ROOT), 'utf8'))
    return [folder.replace(/^.*node_modules\//, ''), ...(await Promise.all(licences))].join('\n\n')
  })
  return (await Promise.all(texts)).join(`\n\n${'-'.repeat(80)}\n\n`)
}

if (import.meta.main) await buildWidgetPackage(new URL('dist/widget-package', ROOT).pathname)

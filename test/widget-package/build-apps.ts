import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, type Plugin } from 'esbuild'
import { compile as compileSvelte } from 'svelte/compiler'
import { compileScript, parse as parseVue } from 'vue/compiler-sfc'
import { buildWidgetPackage } from '../../scripts/build-widget-package.ts'

const run = promisify(execFile)

/** The names of the apps, and the policies for Trusted Types that their frameworks make. */
export const apps = {
  plain: [],
  react: [],
  vue: ['vue'],
  svelte: ['svelte-trusted-html'],
} as const

/** A new folder within the project, from which packages are found as from the project itself. */
export async function appsFolder(): Promise<string> {
  const cache = new URL('../../node_modules/.cache/', import.meta.url).pathname
  await mkdir(cache, { recursive: true })
  return await mkdtemp(join(cache, 'widget-package-'))
}

/** Installs the packed package in a folder, as npm would, and builds each app there. @returns the files in the tarball */
export async function buildApps(folder: string): Promise<string[]> {
  const built = join(folder, 'package')
  await buildWidgetPackage(built)
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder, built])
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }]
  const installed = join(folder, 'node_modules', 'nanbeige-chat')
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', join(folder, filename), '-C', installed, '--strip-components=1'])

  for (const part of ['apps', 'types']) await cp(new URL(part, import.meta.url), folder, { recursive: true })
  const entries = { plain: 'plain.js', react: 'react.jsx', vue: 'vue.js', svelte: 'svelte.js' }
  await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(folder, file)])),
    outdir: join(folder, 'site'),
    bundle: true,
    splitting: true,
    format: 'esm',
    jsx: 'automatic',
    minify: true,
    conditions: ['browser', 'production'],
    define: {
      'process.env.NODE_ENV': '"production"',
      __VUE_OPTIONS_API__: 'false',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
    plugins: [components],
    logLevel: 'silent',
  })
  await cp(join(folder, 'app.css'), join(folder, 'site', 'app.css'))
  for (const name of Object.keys(apps)) {
    const html = `<!doctype html><html lang="en"><title>${name}</title><link rel="stylesheet" href="/app.css"><main id="app"></main><script type="module" src="/${name}.js"></script></html>`
    await writeFile(join(folder, 'site', `${name}.html`), html)
  }
  return files.map(({ path }) => path)
}

/** Components of Vue and Svelte as their compilers make them; a template that is compiled in the page would need `eval`. */
const components: Plugin = {
  name: 'components',
  setup({ onLoad }) {
    onLoad({ filter: /\.vue$/ }, async ({ path }) => {
      const { descriptor } = parseVue(await readFile(path, 'utf8'), { filename: path })
      const isCustomElement = (tag: string) => tag.includes('-')
      const options = { id: path, inlineTemplate: true, templateOptions: { compilerOptions: { isCustomElement } } }
      return { contents: compileScript(descriptor, options).content, loader: 'js' }
    })
    onLoad({ filter: /\.svelte$/ }, async ({ path }) => {
      const { js } = compileSvelte(await readFile(path, 'utf8'), { filename: path, generate: 'client' })
      return { contents: js.code, loader: 'js' }
    })
  },
}

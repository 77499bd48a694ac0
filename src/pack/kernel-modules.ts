import { readFile } from 'node:fs/promises'
import type { KernelModules } from '../model/kernels.ts'
import { PackError } from './pack-error.ts'

/** The kernels that `npm run build` made, for work outside of a Worker. Throws PackError where they are missing. */
export async function kernelModules(): Promise<KernelModules> {
  return { relaxed: await builtModule('kernels.relaxed'), plain: await builtModule('kernels.plain') }
}

/** XGrammar that `npm run build` took out of its package. Throws PackError where it is missing. */
export function xgrammarModule(): Promise<WebAssembly.Module> {
  return builtModule('xgrammar')
}

async function builtModule(name: string): Promise<WebAssembly.Module> {
  const path = new URL(`../../dist/${name}.wasm`, import.meta.url)
  const bytes = await readFile(path).catch(() => {
    throw new PackError('file_missing', `${path.pathname} is missing; run \`npm run build\` first`)
  })
  return WebAssembly.compile(bytes)
}

import { readFile } from 'node:fs/promises'
import type { KernelModules } from '../model/kernels.ts'
import { PackError } from './pack-error.ts'

/** The kernels that `npm run build` made, for work outside of a Worker. Throws PackError where they are missing. */
export async function kernelModules(): Promise<KernelModules> {
  const compile = async (build: keyof KernelModules) => {
    const path = new URL(`../../dist/kernels.${build}.wasm`, import.meta.url)
    const bytes = await readFile(path).catch(() => {
      throw new PackError('file_missing', `${path.pathname} is missing; run \`npm run build\` first`)
    })
    return WebAssembly.compile(bytes)
  }
  return { relaxed: await compile('relaxed'), plain: await compile('plain') }
}

import { mkdirSync, readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

const THREADS = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65535']

/**
 * Compiles assembly/ twice, with and without relaxed SIMD: dist/kernels.{relaxed,plain}.wasm; and the packer's float kernels for threads:
 * dist/float.wasm.
 */
export async function buildKernels(): Promise<void> {
  mkdirSync('dist', { recursive: true })
  for (const [entry, name, features] of [
    ['assembly/index.ts', 'kernels.relaxed', ['--enable', 'simd', '--enable', 'relaxed-simd']],
    ['assembly/index.ts', 'kernels.plain', ['--enable', 'simd']],
    ['assembly/float/index.ts', 'float', ['--enable', 'simd', '--enable', 'relaxed-simd', ...THREADS]],
  ] as const) {
    const outFile = `dist/${name}.wasm`
    const { error, stderr } = await asc.main([
      entry,
      ...['--outFile', outFile, '--textFile', `dist/${name}.wat`],
      ...['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--initialMemory', '1'],
      ...features,
    ])
    if (error) {
      console.error(stderr.toString())
      throw error
    }
    console.log(`${outFile}: ${readFileSync(outFile).length} bytes`)
  }
}

if (import.meta.main) await buildKernels()

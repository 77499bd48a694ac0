import { mkdirSync, readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

/** Compiles assembly/ twice, with and without relaxed SIMD: dist/kernels.{relaxed,plain}.wasm. */
export async function buildKernels(): Promise<void> {
  mkdirSync('dist', { recursive: true })
  for (const [name, features] of [
    ['relaxed', ['--enable', 'simd', '--enable', 'relaxed-simd']],
    ['plain', ['--enable', 'simd']],
  ] as const) {
    const outFile = `dist/kernels.${name}.wasm`
    const { error, stderr } = await asc.main([
      'assembly/index.ts',
      ...['--outFile', outFile, '--textFile', `dist/kernels.${name}.wat`],
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

import asc from 'assemblyscript/asc'

/** Compiles bench/assembly to dist/bench-read.wasm. */
export async function buildReadKernel(): Promise<void> {
  const { error, stderr } = await asc.main([
    'bench/assembly/read.ts',
    ...['--outFile', 'dist/bench-read.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--importMemory'],
    ...['--initialMemory', '1', '--enable', 'simd'],
  ])
  if (error) throw new Error(stderr.toString(), { cause: error })
}

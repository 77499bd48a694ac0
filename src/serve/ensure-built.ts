import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PROJECT } from './project.ts'

/** What a Worker imports and what its pages are: the last that `npm run build` makes of each. */
const BUILT = [
  'dist/kernels.relaxed.wasm',
  'dist/kernels.plain.wasm',
  'dist/float.wasm',
  'dist/xgrammar.wasm',
  'dist/assets/docs.html',
]

/** Build what a fresh clone lacks; `npm run build` is for what has changed. */
export async function ensureBuilt(): Promise<void> {
  if (BUILT.every((file) => existsSync(join(PROJECT, file)))) return
  process.stderr.write('Building the kernels and the chat page …\n')
  await promisify(execFile)(process.execPath, [join(PROJECT, 'scripts', 'build.ts')], { cwd: PROJECT })
}

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of this project. Commands may be called from anywhere. */
export const PROJECT = fileURLToPath(new URL('../../', import.meta.url))

/** The script behind `npx wrangler`. */
export const WRANGLER = join(
  createRequire(import.meta.url).resolve('wrangler/package.json'),
  '..',
  'bin',
  'wrangler.js',
)

import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { writeFailed } from './pack-error.ts'

/**
 * Make a folder, and those above it that are missing. Not by mkdir's `recursive`: where a folder is there and takes no other, as /proc,
 * Node (24) tries for ever. Throws PackError.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await make(resolve(path))
  } catch (error) {
    throw writeFailed(path, error as NodeJS.ErrnoException)
  }
}

async function make(path: string): Promise<void> {
  if (await isFolder(path)) return
  const above = dirname(path)
  if (above !== path) await make(above)
  try {
    await mkdir(path)
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!(await isFolder(path))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

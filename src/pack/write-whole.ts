import { rename, writeFile } from 'node:fs/promises'
import { writeFailed } from './pack-error.ts'

/** Write a file that is there whole or not at all, also where the writing is interrupted. Throws PackError. */
export async function writeWhole(path: string, data: Uint8Array | string): Promise<void> {
  try {
    await writeFile(`${path}.part`, data)
    await rename(`${path}.part`, path)
  } catch (error) {
    throw writeFailed(path, error as NodeJS.ErrnoException)
  }
}

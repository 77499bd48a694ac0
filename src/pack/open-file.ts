import { type FileHandle, open, stat } from 'node:fs/promises'
import { PackError } from './pack-error.ts'

/** Open a file of a checkpoint for reading. Throws PackError. */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    // Opening a pipe waits for somebody who writes to it.
    if (!(await stat(path)).isFile()) throw new Error('it is no regular file')
    return await open(path)
  } catch (error) {
    throw new PackError('file_missing', `${path}: cannot be opened (${(error as Error).message})`)
  }
}

/** Most bytes of a file that is read as a whole: tokenizer.json of the largest vocabularies has 40 MB. */
export const MAX_WHOLE_BYTES = 256 * 2 ** 20

/** All of a file beside the weights. Throws PackError. */
export async function readBytes(path: string): Promise<Uint8Array> {
  const handle = await openFile(path)
  try {
    const { size } = await handle.stat()
    if (size > MAX_WHOLE_BYTES) {
      throw new PackError(
        'checkpoint_damaged',
        `${path}: ${size} bytes, where ${MAX_WHOLE_BYTES} is the most; download it again`,
      )
    }
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** The same as text; a byte order mark is left out. Throws PackError. */
export async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new PackError('checkpoint_damaged', `${path}: not UTF-8; download it again`)
  }
}

/** The error of a file that ends too early; `what` of it is missing. */
export function fileTruncated(path: string, what: string): PackError {
  return new PackError('file_truncated', `${path}: the file ends before ${what} does; download it again`)
}

import { type FileHandle, open } from 'node:fs/promises'
import { PackError } from './pack-error.ts'

/** Open a file of a checkpoint for reading. Throws PackError. */
export async function openFile(path: string): Promise<FileHandle> {
  return open(path).catch((error) => {
    throw new PackError('file_missing', `${path}: cannot be opened (${error.message})`)
  })
}

/** The error of a file that ends too early; `what` of it is missing. */
export function fileTruncated(path: string, what: string): PackError {
  return new PackError('file_truncated', `${path}: the file ends before ${what} does; download it again`)
}

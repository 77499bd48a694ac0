import { oneLine } from '../weights/one-line.ts'
import { UnsupportedTokenizerError } from './tokenizer/spec.ts'

export type PackErrorCode =
  | 'file_missing'
  | 'not_gguf'
  | 'file_truncated'
  | 'checkpoint_damaged'
  | 'download_failed'
  | 'write_failed'
  | 'architecture_unsupported'
  | 'metadata_invalid'
  | 'template_missing'
  | 'template_invalid'
  | 'tensor_missing'
  | 'tensor_unsupported'
  | 'tensor_type_unsupported'
  | 'weights_not_finite'
  | 'option_invalid'

/** A model that cannot be packed. The message names the cause and says what to do. */
export class PackError extends Error {
  override readonly name = 'PackError'
  readonly code: PackErrorCode

  constructor(code: PackErrorCode, message: string) {
    super(oneLine(message))
    this.code = code
  }
}

/** Names the file in what `read` throws of its contents. Throws PackError, UnsupportedTokenizerError. */
export async function inFile<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof PackError) throw new PackError(error.code, `${path}: ${error.message}`)
    if (error instanceof UnsupportedTokenizerError) throw new UnsupportedTokenizerError(error.feature, path)
    throw error
  }
}

/** The error of a file that could not be written. */
export function writeFailed(path: string, { code, message }: NodeJS.ErrnoException): PackError {
  const problem = code === 'ENOSPC' ? 'the disk is full; make room and run the same command again' : message
  return new PackError('write_failed', `${path}: ${problem}`)
}

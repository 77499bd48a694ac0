import { oneLine } from '../weights/one-line.ts'

export type PackErrorCode =
  | 'file_missing'
  | 'not_gguf'
  | 'file_truncated'
  | 'checkpoint_damaged'
  | 'download_failed'
  | 'write_failed'
  | 'architecture_unsupported'
  | 'metadata_invalid'
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

/** The error of a file that could not be written. */
export function writeFailed(path: string, { code, message }: NodeJS.ErrnoException): PackError {
  const problem = code === 'ENOSPC' ? 'the disk is full; make room and run the same command again' : message
  return new PackError('write_failed', `${path}: ${problem}`)
}

export type PackErrorCode =
  | 'file_missing'
  | 'not_gguf'
  | 'file_truncated'
  | 'checkpoint_damaged'
  | 'download_failed'
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
    super(message)
    this.code = code
  }
}

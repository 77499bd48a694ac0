import { oneLine } from './one-line.ts'

export type WeightsErrorCode =
  | 'manifest_missing'
  | 'manifest_invalid'
  | 'manifest_changed'
  | 'version_unsupported'
  | 'tensor_unknown'
  | 'tensor_missing'
  | 'tensor_invalid'
  | 'shard_missing'
  | 'shard_truncated'
  | 'shard_corrupt'
  | 'model_too_large'

/** A weight pack that cannot be used. The message names the file or tensor and says what to do. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError'
  readonly code: WeightsErrorCode

  constructor(code: WeightsErrorCode, message: string) {
    super(oneLine(message))
    this.code = code
  }
}

const REMEDY = 'deploy the pack again, or run `nanbeige-edge pack` again'

export function shardMissing(file: string): WeightsError {
  return new WeightsError('shard_missing', `${file}: no such file; ${REMEDY}`)
}

/** `bytes`: where the file ends. */
export function shardTruncated(file: string, bytes: number): WeightsError {
  return new WeightsError('shard_truncated', `${file}: the file ends after ${bytes} bytes, inside a tensor; ${REMEDY}`)
}

export function shardCorrupt(file: string): WeightsError {
  return new WeightsError('shard_corrupt', `${file}: bytes differ from the sha256 in the manifest; ${REMEDY}`)
}

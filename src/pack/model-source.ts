import type { Manifest, ModelConfig } from '../weights/manifest.ts'
import type { TokenizerSpec } from './tokenizer/spec.ts'

/** A tensor in a file of a checkpoint: plain data, which a thread can be sent. */
export interface SourceTensor {
  /** As its file calls it. */
  readonly name: string
  /** (size) or (rows, columns) */
  readonly shape: readonly number[]
  /** One of tensor-types/types.ts: safetensors has the float types of these, by the same names. */
  readonly type: string
  readonly path: string
  /** Position in the file, in bytes. */
  readonly offset: number
}

/** What there is to know of a checkpoint of any format. */
export interface ModelSource {
  /** File name or hub id. */
  readonly name: string
  readonly license: string | null
  readonly config: ModelConfig
  readonly tokens: Manifest['tokens']
  readonly chatTemplate: string
  readonly sampling: Manifest['sampling']
  /** By our names, in order of use. */
  readonly tensors: ReadonlyMap<string, SourceTensor>
  readonly tokenizer: TokenizerSpec
  /** Of the file, where the checkpoint is one. */
  sha256(): Promise<string | null>
}

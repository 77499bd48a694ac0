import type { Manifest, ModelConfig } from '../weights/manifest.ts'
import type { GgufBlockType } from './gguf-block-type.ts'
import type { TokenizerSpec } from './tokenizer-spec.ts'

/** A tensor of a checkpoint, by the name that its file gives it. */
export interface SourceTensor {
  readonly name: string
  /** (size) or (rows, columns) */
  readonly shape: readonly number[]
  /** Block type whose integers and scales a pack can take over as they are; null: weights have to be rounded. */
  readonly planes: GgufBlockType['planes']
  /** Weights `first` up to `first + count`, in whole blocks of the file's type. */
  readWeights(first: number, count: number): Promise<Float32Array>
  /** The same as stored. */
  readStored(first: number, count: number): Promise<Uint8Array>
}

/** An open checkpoint of any format. */
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
  tokenizer(): Promise<TokenizerSpec>
  /** Of the file, where the checkpoint is one. */
  sha256(): Promise<string | null>
  close(): Promise<void>
}

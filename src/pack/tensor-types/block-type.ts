/// <reference lib="esnext.float16" />

/** A block type that is already q, scale and maybe minimum for groups of 32: it needs no rounding of weights. */
export interface PlaneBlocks {
  readonly planes: number
  /** As in the manifest: w = scale * (q + zeroPoint), or null: w = scale * q + min. */
  readonly zeroPoint: number | null
  /**
   * Split whole blocks: q one byte a weight, a half float scale (and minimum, where zeroPoint is null) for each 32 weights.
   * Scales are the stored ones bit for bit, or rounded to half where the type stores them otherwise.
   */
  split(raw: Uint8Array, q: Uint8Array, scales: Float16Array, mins: Float16Array): void
}

/** How a GGUF tensor type stores weights. Layouts: ggml-common.h and gguf-py's quants.py of llama.cpp. */
export interface GgufBlockType {
  readonly name: string
  /** Weights in a block. */
  readonly blockSize: number
  readonly blockBytes: number
  /** Weights of whole blocks as float32, exactly as ggml computes them. */
  dequantize(raw: Uint8Array, weights: Float32Array): void
  /** null: the weights must be rounded. */
  readonly planes: PlaneBlocks | null
}

/** Bytes that a number of weights, whole blocks, takes in a file. */
export function storedBytes({ blockSize, blockBytes }: GgufBlockType, weights: number): number {
  return (weights / blockSize) * blockBytes
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

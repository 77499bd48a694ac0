import { GGMLQuantizationType } from '@huggingface/gguf'
import { halfHighByte } from './random-half.ts'

/** A block type of ggml (ggml-common.h), and what it takes to fill it with random weights. */
export interface RandomBlocks {
  readonly type: GGMLQuantizationType
  readonly blockSize: number
  readonly blockBytes: number
  /** Positions in a block of its half floats, and the half that gives weights of variance 1 when all else is random bytes. */
  readonly halves: readonly { readonly at: number; readonly unit: number }[]
}

// Standard deviations of random blocks in units of d: q and sub-scales are uniform.
/** w = d * scale * q - dmin * min: q of 0 .. 3, scale and min of 0 .. 15; dmin = 1.5 d makes the mean 0. */
const Q2_K_DEVIATION = 13.9
/** w = d * (q - 8): q of 0 .. 15. */
const Q4_0_DEVIATION = 4.61
/** w = d * scale * (q - 32): q of 0 .. 63, scale of -128 .. 127. */
const Q6_K_DEVIATION = 1366

export const randomBlocks = {
  Q2_K: {
    type: GGMLQuantizationType.Q2_K,
    blockSize: 256,
    blockBytes: 84,
    halves: [
      { at: 80, unit: 1 / Q2_K_DEVIATION },
      { at: 82, unit: 1.5 / Q2_K_DEVIATION },
    ],
  },
  Q4_0: {
    type: GGMLQuantizationType.Q4_0,
    blockSize: 32,
    blockBytes: 18,
    halves: [{ at: 0, unit: 1 / Q4_0_DEVIATION }],
  },
  Q6_K: {
    type: GGMLQuantizationType.Q6_K,
    blockSize: 256,
    blockBytes: 210,
    halves: [{ at: 208, unit: 1 / Q6_K_DEVIATION }],
  },
} satisfies Record<string, RandomBlocks>

/** Turn random bytes into whole valid blocks, their weights of about this variance. */
export function validateBlocks(bytes: Uint8Array, { blockBytes, halves }: RandomBlocks, variance: number): void {
  for (const { at, unit } of halves) {
    const high = halfHighByte(unit * Math.sqrt(variance))
    for (let block = at + 1; block < bytes.length; block += blockBytes) bytes[block] = high
  }
}

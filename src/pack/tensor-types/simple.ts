import { type GgufBlockType, type PlaneBlocks, viewOf } from './block-type.ts'

/** Weights in a block of every type here. */
const BLOCK = 32
const HALF_BLOCK = BLOCK / 2

/** One of ggml's first types: blocks of 32 weights of `planes` bits with a half scale, and a half minimum in the _1 types. */
function simpleType(
  name: string,
  planes: number,
  zeroPoint: number | null,
  readWeights: (raw: Uint8Array, at: number, q: Uint8Array, first: number) => void,
): GgufBlockType {
  const headerBytes = zeroPoint === null ? 4 : 2
  const blockBytes = headerBytes + (planes * BLOCK) / 8

  const split: PlaneBlocks['split'] = (raw, q, scales, mins) => {
    const view = viewOf(raw)
    // Copied as bits: a float on the way could change the payload of a NaN.
    const scaleBits = new Uint16Array(scales.buffer, scales.byteOffset, scales.length)
    const minBits = new Uint16Array(mins.buffer, mins.byteOffset, mins.length)
    for (let block = 0; block * BLOCK < q.length; block++) {
      const at = block * blockBytes
      scaleBits[block] = view.getUint16(at, true)
      if (zeroPoint === null) minBits[block] = view.getUint16(at + 2, true)
      readWeights(raw, at + headerBytes, q, block * BLOCK)
    }
  }

  return {
    name,
    blockSize: BLOCK,
    blockBytes,
    planes: { planes, zeroPoint, split },
    dequantize(raw, weights) {
      const blocks = weights.length / BLOCK
      const q = new Uint8Array(weights.length)
      const scales = new Float16Array(blocks)
      const mins = new Float16Array(blocks)
      split(raw, q, scales, mins)
      for (let i = 0; i < weights.length; i++) {
        const block = Math.floor(i / BLOCK)
        weights[i] = zeroPoint === null ? scales[block] * q[i] + mins[block] : scales[block] * (q[i] + zeroPoint)
      }
    },
  }
}

/** Low nibbles are weights 0-15 of the block, high nibbles 16-31. */
function readNibbles(raw: Uint8Array, at: number, q: Uint8Array, first: number): void {
  for (let i = 0; i < HALF_BLOCK; i++) {
    q[first + i] = raw[at + i] & 0xf
    q[first + HALF_BLOCK + i] = raw[at + i] >> 4
  }
}

/** 32 fifth bits, weight 0 lowest, then nibbles. */
function readFiveBits(raw: Uint8Array, at: number, q: Uint8Array, first: number): void {
  readNibbles(raw, at + BLOCK / 8, q, first)
  for (let i = 0; i < BLOCK; i++) q[first + i] |= ((raw[at + (i >> 3)] >> (i & 7)) & 1) << 4
}

/** Signed bytes; made unsigned by the zero point. */
function readBytes(raw: Uint8Array, at: number, q: Uint8Array, first: number): void {
  for (let i = 0; i < BLOCK; i++) q[first + i] = raw[at + i] ^ 0x80
}

export const q4_0 = simpleType('Q4_0', 4, -8, readNibbles)
export const q4_1 = simpleType('Q4_1', 4, null, readNibbles)
export const q5_0 = simpleType('Q5_0', 5, -16, readFiveBits)
export const q5_1 = simpleType('Q5_1', 5, null, readFiveBits)
export const q8_0 = simpleType('Q8_0', 8, -128, readBytes)

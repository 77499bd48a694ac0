import { type GgufBlockType, viewOf } from './block-type.ts'

/** Weights in a block ("super-block") of every K type. */
const BLOCK = 256
/** Weights that share a scale in Q4_K and Q5_K. */
const GROUP = 32
const GROUPS = BLOCK / GROUP
/** Bytes of the eight 6-bit scales and eight 6-bit minimums. */
const SCALES_BYTES = 12
/** Bytes of the fifth bits of Q5_K. */
const HIGH_BYTES = BLOCK / 8

/** 6-bit scale and minimum of a group: groups 0-3 in bytes 0-3 and 4-7, groups 4-7 spread over bytes 8-11 and the top bits. */
function scaleOf(raw: Uint8Array, at: number, group: number): number {
  return group < 4 ? raw[at + group] & 63 : (raw[at + group + 4] & 15) | ((raw[at + group - 4] >> 6) << 4)
}

function minOf(raw: Uint8Array, at: number, group: number): number {
  return group < 4 ? raw[at + group + 4] & 63 : (raw[at + group + 4] >> 4) | ((raw[at + group] >> 6) << 4)
}

/** Q4_K and Q5_K: w = (d * scale) q - (dmin * min), half d and dmin for 256 weights, 6-bit scale and min for 32. */
function groupedType(name: string, planes: 4 | 5): GgufBlockType {
  const highBytes = planes === 5 ? HIGH_BYTES : 0
  const blockBytes = 4 + SCALES_BYTES + highBytes + BLOCK / 2

  /** Calls back for each group of 32 with its float32 scale and minimum, after writing its q. */
  const eachGroup = (
    raw: Uint8Array,
    q: Uint8Array,
    visit: (group: number, scale: number, min: number) => void,
  ): void => {
    const view = viewOf(raw)
    for (let block = 0; block * BLOCK < q.length; block++) {
      const at = block * blockBytes
      const d = view.getFloat16(at, true)
      const dmin = view.getFloat16(at + 2, true)
      const high = at + 4 + SCALES_BYTES
      for (let group = 0; group < GROUPS; group++) {
        const low = high + highBytes + (group >> 1) * GROUP
        const first = block * BLOCK + group * GROUP
        for (let i = 0; i < GROUP; i++) {
          const nibble = (raw[low + i] >> ((group & 1) * 4)) & 15
          const fifth = planes === 5 ? (raw[high + i] >> group) & 1 : 0
          q[first + i] = nibble | (fifth << 4)
        }
        const scale = Math.fround(d * scaleOf(raw, at + 4, group))
        visit(block * GROUPS + group, scale, -Math.fround(dmin * minOf(raw, at + 4, group)))
      }
    }
  }

  return {
    name,
    blockSize: BLOCK,
    blockBytes,
    dequantize(raw, weights) {
      const q = new Uint8Array(weights.length)
      eachGroup(raw, q, (group, scale, min) => {
        for (let i = group * GROUP; i < (group + 1) * GROUP; i++) weights[i] = Math.fround(scale * q[i]) + min
      })
    },
    planes: {
      planes,
      zeroPoint: null,
      split(raw, q, scales, mins) {
        eachGroup(raw, q, (group, scale, min) => {
          scales[group] = scale
          mins[group] = min
        })
      },
    },
  }
}

export const q4_K = groupedType('Q4_K', 4)
export const q5_K = groupedType('Q5_K', 5)

const LOW_BYTES_6 = BLOCK / 2
const HIGH_BYTES_6 = BLOCK / 4
const GROUP_6 = 16

/**
 * Q6_K: w = (d * scale) (q - 32), int8 scales for 16 weights, which no group size of ours holds. Each half of the block
 * has four runs of 32 weights: the nibbles of runs 0 and 1 are low, of 2 and 3 high; bits 4 and 5 are 2 bits a run in one byte.
 */
export const q6_K: GgufBlockType = {
  name: 'Q6_K',
  blockSize: BLOCK,
  blockBytes: LOW_BYTES_6 + HIGH_BYTES_6 + BLOCK / GROUP_6 + 2,
  planes: null,
  dequantize(raw, weights) {
    const view = viewOf(raw)
    for (let block = 0; block * BLOCK < weights.length; block++) {
      const at = block * this.blockBytes
      const highs = at + LOW_BYTES_6
      const scales = highs + HIGH_BYTES_6
      const d = view.getFloat16(scales + BLOCK / GROUP_6, true)
      for (let i = 0; i < BLOCK; i++) {
        const half = i >> 7
        const run = (i >> 5) & 3
        const low = raw[at + half * 64 + (i & 63)] >> (run >> 1 ? 4 : 0)
        const high = raw[highs + half * 32 + (i & 31)] >> (run * 2)
        const q = (low & 15) | ((high & 3) << 4)
        const scale = Math.fround(d * view.getInt8(scales + (i >> 4)))
        weights[block * BLOCK + i] = scale * (q - 32)
      }
    }
  },
}

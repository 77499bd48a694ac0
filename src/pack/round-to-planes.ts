/// <reference lib="esnext.float16" />
import type { QuantizedMatrix } from './pack-planes.ts'

// Steps tried around the one that spans the group exactly, in levels: fewer levels over the range clip nothing and round
// coarser, more clip the outermost weights. Each is then refitted by least squares, as make_qkx2_quants of ggml does.
const STEP_OFFSETS = [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]

const half = Math.f16round

interface Levels {
  readonly scale: number
  readonly min: number
}

/**
 * Round float weights (rows, cols), row-major, to `planes` bits with a scale and a minimum for each group, by the smallest
 * squared error found. Scale and minimum are rounded to half floats before the integers are chosen.
 */
export function roundToPlanes(
  weights: Float32Array,
  shape: { rows: number; cols: number; planes: number; groupSize: number },
): QuantizedMatrix & { readonly mins: Uint16Array } {
  const { planes, groupSize } = shape
  const maxLevel = 2 ** planes - 1
  const groupCount = weights.length / groupSize
  const scales = new Float16Array(groupCount)
  const mins = new Float16Array(groupCount)
  const q = new Uint8Array(weights.length)
  const group = new Float64Array(groupSize)
  for (let g = 0; g < groupCount; g++) {
    const first = g * groupSize
    for (let i = 0; i < groupSize; i++) group[i] = weights[first + i]
    const { scale, min } = chooseLevels(group, maxLevel)
    const inverse = inverseOf(scale)
    scales[g] = scale
    mins[g] = min
    for (let i = 0; i < groupSize; i++) q[first + i] = levelOf(group[i], inverse, min, maxLevel)
  }
  return { ...shape, q, scales: new Uint16Array(scales.buffer), mins: new Uint16Array(mins.buffer) }
}

function levelOf(weight: number, inverse: number, min: number, maxLevel: number): number {
  const level = (weight - min) * inverse
  return level <= 0 ? 0 : level >= maxLevel ? maxLevel : (level + 0.5) | 0
}

const inverseOf = (scale: number) => (scale === 0 ? 0 : 1 / scale)

/** Scale and minimum, both half floats, for one group. */
function chooseLevels(weights: Float64Array, maxLevel: number): Levels {
  let low = weights[0]
  let high = weights[0]
  for (let i = 1; i < weights.length; i++) {
    if (weights[i] < low) low = weights[i]
    if (weights[i] > high) high = weights[i]
  }
  let best: Levels = { scale: half((high - low) / maxLevel), min: half(low) }
  let least = squaredError(weights, best, maxLevel)
  for (const offset of STEP_OFFSETS) {
    if (maxLevel + offset <= 0) continue
    const fitted = refit(weights, { scale: (high - low) / (maxLevel + offset), min: low }, maxLevel)
    if (fitted === null) continue
    const error = squaredError(weights, fitted, maxLevel)
    if (error < least) {
      least = error
      best = fitted
    }
  }
  return best
}

function squaredError(weights: Float64Array, { scale, min }: Levels, maxLevel: number): number {
  const inverse = inverseOf(scale)
  let sum = 0
  for (let i = 0; i < weights.length; i++) {
    const error = scale * levelOf(weights[i], inverse, min, maxLevel) + min - weights[i]
    sum += error * error
  }
  return sum
}

/** The half floats that fit w = scale q + min best by least squares, for the q that `levels` gives; null where all q are equal. */
function refit(weights: Float64Array, levels: Levels, maxLevel: number): Levels | null {
  const inverse = inverseOf(levels.scale)
  let sumQ = 0
  let sumQQ = 0
  let sumW = 0
  let sumQW = 0
  for (let i = 0; i < weights.length; i++) {
    const q = levelOf(weights[i], inverse, levels.min, maxLevel)
    sumQ += q
    sumQQ += q * q
    sumW += weights[i]
    sumQW += q * weights[i]
  }
  const determinant = weights.length * sumQQ - sumQ * sumQ
  if (determinant === 0) return null
  const scale = (weights.length * sumQW - sumQ * sumW) / determinant
  return { scale: half(scale), min: half((sumW - scale * sumQ) / weights.length) }
}

/// <reference lib="esnext.float16" />
import type { QuantizedMatrix } from './layout.ts'

// Steps tried beside the one that spans the group exactly: of a range that is so many levels longer. Less than none rounds coarser and
// clips nothing. A little more clips the greatest weight; much more, as few levels over a wide group want it, clips both ends.
const STEPS = [
  { levels: -0.75, clipsBelow: 0 },
  { levels: -0.25, clipsBelow: 0 },
  { levels: 0.25, clipsBelow: 0 },
  { levels: 0.75, clipsBelow: 0 },
  { levels: 1.5, clipsBelow: 0.75 },
  { levels: 2.5, clipsBelow: 1.25 },
] as const
/** Least-squares fits of each, as make_qkx2_quants of ggml has one. */
const REFITS = 2

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

// Without branches: where a weight falls is beyond prediction.
function levelOf(weight: number, inverse: number, min: number, maxLevel: number): number {
  return (Math.max(0, Math.min(maxLevel, (weight - min) * inverse)) + 0.5) | 0
}

const inverseOf = (scale: number) => (scale === 0 ? 0 : 1 / scale)

/** Scale and minimum, both half floats, for one group. */
function chooseLevels(weights: Float64Array, maxLevel: number): Levels {
  let low = weights[0]
  let high = weights[0]
  let sumW = 0
  let sumWW = 0
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] < low) low = weights[i]
    if (weights[i] > high) high = weights[i]
    sumW += weights[i]
    sumWW += weights[i] * weights[i]
  }
  let best: Levels = { scale: half((high - low) / maxLevel), min: half(low) }
  let least = squaredError(weights, best, maxLevel)
  // Weights that are levels already.
  if (least === 0) return best
  for (const { levels, clipsBelow } of STEPS) {
    const step = (high - low) / (maxLevel + levels)
    let fitted: Fitted | null = { scale: step, min: low + clipsBelow * step, error: Number.POSITIVE_INFINITY }
    for (let fit = 0; fit < REFITS && fitted !== null; fit++) fitted = refit(weights, sumW, sumWW, fitted, maxLevel)
    if (fitted !== null && fitted.error < least) {
      least = fitted.error
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

/** `error`: squared, for the q that they were fitted to; the nearest ones make it no greater. */
type Fitted = Levels & { readonly error: number }

/** The half floats that fit w = scale q + min best by least squares, for the q that `levels` gives; null where all q are equal. */
function refit(
  weights: Float64Array,
  sumW: number,
  sumWW: number,
  { scale: step, min: from }: Levels,
  maxLevel: number,
): Fitted | null {
  const count = weights.length
  const inverse = inverseOf(step)
  let sumQ = 0
  let sumQQ = 0
  let sumQW = 0
  for (let i = 0; i < count; i++) {
    const q = levelOf(weights[i], inverse, from, maxLevel)
    sumQ += q
    sumQQ += q * q
    sumQW += q * weights[i]
  }
  const determinant = count * sumQQ - sumQ * sumQ
  if (determinant === 0) return null
  const fit = (count * sumQW - sumQ * sumW) / determinant
  const scale = half(fit)
  const min = half((sumW - fit * sumQ) / count)
  // The sum of (scale q + min - w)^2, multiplied out.
  const error =
    scale * scale * sumQQ + count * min * min + sumWW + 2 * (scale * min * sumQ - scale * sumQW - min * sumW)
  return { scale, min, error }
}

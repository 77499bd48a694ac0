import { STEPS } from '../../assembly/layout.ts'
import type { Random } from '../../src/generate/random.ts'
import type { QuantizedMatrix } from '../../src/pack/planes/layout.ts'

export const integer = (random: Random, low: number, high: number) => low + Math.floor(random() * (high - low + 1))

/** Standard normal (Box and Muller 1958). */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

export function gaussians(random: Random, length: number, deviation = 1): Float32Array {
  return Float32Array.from({ length }, () => deviation * gaussian(random))
}

/** Like a transformer's: normal, every 32 of their own size, a few outliers, some runs of zeros. */
export function activations(random: Random, length: number): Float32Array {
  let size = 1
  return Float32Array.from({ length }, (_, i) => {
    if (i % 32 === 0) size = random() < 0.1 ? 0 : 2 ** integer(random, -12, 8)
    return size * gaussian(random) * (random() < 0.01 ? 30 : 1)
  })
}

/** Bits of a half float of either sign: zero, subnormal, or 2^-14 to 2^6. */
export function half(random: Random): number {
  const kind = random()
  const sign = random() < 0.5 ? 0x8000 : 0
  if (kind < 0.1) return sign
  if (kind < 0.3) return sign | integer(random, 1, 0x3ff)
  return sign | integer(random, 0x400, 0x53ff)
}

export interface MatrixShape {
  readonly rows: number
  readonly groups: number
  readonly groupSize: number
  readonly planes: number
  readonly hasMin: boolean
  readonly stepped?: boolean
}

export function matrix(
  random: Random,
  { rows, groups, groupSize, planes, hasMin, stepped }: MatrixShape,
): QuantizedMatrix {
  const cols = groups * groupSize
  const halves = (length = rows * groups) => Uint16Array.from({ length }, () => half(random))
  return {
    rows,
    cols,
    planes,
    groupSize,
    q: Uint8Array.from({ length: rows * cols }, () => integer(random, 0, 2 ** planes - 1)),
    scales: halves(stepped ? rows : undefined),
    ...(stepped && { steps: Uint8Array.from({ length: rows * groups }, () => integer(random, 0, STEPS - 1)) }),
    mins: hasMin ? halves() : null,
  }
}

/// <reference lib="esnext.float16" />
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { roundToPlanes } from './round.ts'

function rounded(weights: Float32Array, planes: number, groupSize: number): Float32Array {
  const { q, scales, mins } = roundToPlanes(weights, { rows: 1, cols: weights.length, planes, groupSize })
  const scale = new Float16Array(scales.buffer)
  const min = new Float16Array(mins.buffer)
  return Float32Array.from(q, (level, i) => {
    expect(level).toBeLessThan(2 ** planes)
    return scale[Math.floor(i / groupSize)] * level + min[Math.floor(i / groupSize)]
  })
}

function squaredError(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0)
}

/** Rounding to evenly spaced levels from the least to the greatest weight, in full precision. */
function spanned(weights: Float32Array, planes: number, groupSize: number): Float32Array {
  return weights.map((weight, i) => {
    const first = i - (i % groupSize)
    const group = weights.subarray(first, first + groupSize)
    const low = Math.min(...group)
    const step = (Math.max(...group) - low) / (2 ** planes - 1)
    return step === 0 ? low : Math.round((weight - low) / step) * step + low
  })
}

const weights = fc
  .array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 128, maxLength: 128 })
  .map((values) => Float32Array.from(values))

describe('roundToPlanes', () => {
  it('is no worse than spanning each group, up to the rounding of scale and minimum', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 2, max: 8 }), fc.constantFrom(32, 64, 128), (of, planes, groupSize) => {
        const error = Math.sqrt(squaredError(rounded(of, planes, groupSize), of))
        // Scale and minimum are off by 2^-12 of themselves at most, so a weight in [-1, 1] by 3 * 2^-12.
        const slack = Math.sqrt(of.length) * 3 * 2 ** -12
        expect(error).toBeLessThanOrEqual(Math.sqrt(squaredError(spanned(of, planes, groupSize), of)) + slack)
      }),
      { seed: 2, numRuns: 200 },
    )
  })

  it('is better than spanning where a group has an outlier', () => {
    const of = Float32Array.from({ length: 32 }, (_, i) => (i === 5 ? 1 : Math.sin(i * 7) * 0.2))
    expect(squaredError(rounded(of, 3, 32), of)).toBeLessThan(0.8 * squaredError(spanned(of, 3, 32), of))
  })

  it('gives back weights on a grid whose ends are in the group, whatever scale and minimum', () => {
    const mantissa = fc.integer({ min: 1 << 10, max: (1 << 11) - 1 })
    const grid = fc.record({
      planes: fc.integer({ min: 1, max: 8 }),
      scale: fc.tuple(mantissa, fc.integer({ min: -20, max: -10 })).map(([m, e]) => m * 2 ** e),
      min: fc
        .tuple(fc.integer({ min: -2047, max: 2047 }), fc.integer({ min: -20, max: -10 }))
        .map(([m, e]) => m * 2 ** e),
      levels: fc.array(fc.nat(255), { minLength: 30, maxLength: 30 }),
    })
    fc.assert(
      fc.property(grid, ({ planes, scale, min, levels }) => {
        const q = [...levels.map((level) => level % 2 ** planes), 0, 2 ** planes - 1]
        const of = Float32Array.from(q, (level) => scale * level + min)
        // Else the sum has more bits than float32.
        fc.pre(q.every((level, i) => of[i] === scale * level + min))
        expect(rounded(of, planes, 32)).toEqual(of)
      }),
      { seed: 5, numRuns: 300 },
    )
  })

  it('clips both ends of a wide group where levels are few', () => {
    let seed = 1
    const uniform = () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return (seed + 0.5) / 2 ** 32
    }
    const gaussian = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
    const of = Float32Array.from({ length: 128 * 200 }, gaussian)
    const share = squaredError(rounded(of, 2, 128), of) / squaredError(new Float32Array(of.length), of)
    // Four even levels for all of a Gaussian's weights: 0.1188 (Max, Quantizing for minimum distortion, 1960, table II).
    expect(share).toBeLessThan(0.1188)
    expect(share).toBeGreaterThan(0.1)
  })

  it('keeps constant groups, zero among them', () => {
    const of = new Float32Array(64).fill(0.25, 32)
    expect(rounded(of, 4, 32)).toEqual(of)
  })
})

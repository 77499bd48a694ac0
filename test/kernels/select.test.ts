import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import { openBuilds } from './harness.ts'
import { gaussians, integer } from './random-values.ts'
import { selectTop, sumExp } from './select.reference.ts'
import { EXP_ERROR, expectExact, expectWithin, roundings } from './tolerance.ts'

/** Few different values, so that ties are common; -Infinity is what a masked token has. */
const tiedLogits = fc
  .array(fc.constantFrom(Number.NEGATIVE_INFINITY, -3, -0.5, 0, 0.25, 1, 7), { minLength: 1, maxLength: 120 })
  .map((values) => Float32Array.from({ length: Math.ceil(values.length / 4) * 4 }, (_, i) => values[i % values.length]))
const distinctLogits = fc
  .tuple(fc.integer(), fc.integer({ min: 1, max: 60 }))
  .map(([seed, quarter]) => gaussians(createRandom(seed), quarter * 4, 10))
const logitsArbitrary = fc.oneof(tiedLogits, distinctLogits)

/** Additions of e^x to one lane before its sum goes to double precision, and 2 across lanes. */
const SUM_DEPTH = 256 + 2

describe.each(await openBuilds())('select, $build build', ({ kernels, run }) => {
  const kernelTop = (logits: Float32Array, k: number) =>
    run((memory) => {
      const [ids, values] = [memory.ints(k), memory.floats(k)]
      kernels.selectTop(ids.byteOffset, values.byteOffset, memory.floats(logits).byteOffset, logits.length, k)
      return { ids: Array.from(ids), values: Array.from(values) }
    })
  const kernelSum = (logits: Float32Array, top: number, factor: number) =>
    run((memory) => kernels.sumExp(memory.floats(logits).byteOffset, logits.length, top, factor))
  const kernelMax = (logits: Float32Array) =>
    run((memory) => kernels.maxLogit(memory.floats(logits).byteOffset, logits.length))

  it('selectTop takes the k largest, ties by ascending id', () => {
    fc.assert(
      fc.property(logitsArbitrary, fc.double({ min: 0, max: 1, noNaN: true }), (logits, part) => {
        const k = 1 + Math.floor(part * (logits.length - 1))
        expect(kernelTop(logits, k)).toEqual(selectTop(logits, k))
      }),
      { seed: 71, numRuns: 300 },
    )
  })

  it('selectTop does so for every k', () => {
    const random = createRandom(72)
    const logits = Float32Array.from({ length: 48 }, () => integer(random, -5, 5))
    for (let k = 1; k <= logits.length; k++) expect(kernelTop(logits, k)).toEqual(selectTop(logits, k))
  })

  it('selectTop takes logits that all are equal, rise or fall', () => {
    for (const logits of [
      new Float32Array(64).fill(2),
      Float32Array.from({ length: 64 }, (_, i) => i),
      Float32Array.from({ length: 64 }, (_, i) => -i),
    ]) {
      for (const k of [1, 3, 17, 64]) expect(kernelTop(logits, k)).toEqual(selectTop(logits, k))
    }
  })

  it('selectTop takes 50 of a vocabulary', () => {
    const logits = gaussians(createRandom(73), 40000, 5)
    expect(kernelTop(logits, 50)).toEqual(selectTop(logits, 50))
  })

  it('maxLogit is the largest', () => {
    fc.assert(
      fc.property(logitsArbitrary, (logits) => {
        expect(kernelMax(logits)).toBe(Math.max(...logits))
      }),
      { seed: 74, numRuns: 100 },
    )
  })

  it('sumExp shows the error of one exponential from -87 to 0', () => {
    const masked = Number.NEGATIVE_INFINITY
    const x = Float32Array.from({ length: 8701 }, (_, i) => -i / 100)
    const actual = Float64Array.from(x, (logit) => kernelSum(Float32Array.of(masked, logit, masked, masked), 0, 1))
    expectWithin(actual, Float64Array.from(x, Math.exp), (i) => EXP_ERROR * Math.exp(x[i]))
  })

  // The argument of an exponential is rounded twice (a difference and a product), which scales it by e^(2 |x| 2^-24).
  it('sumExp adds all exponentials', () => {
    const shape = fc.record({
      seed: fc.integer(),
      size: fc.integer({ min: 1, max: 1500 }).map((quarter) => quarter * 4),
      deviation: fc.constantFrom(0, 1, 10, 100),
      temperature: fc.constantFrom(0.1, 0.6, 1, 2),
    })
    fc.assert(
      fc.property(shape, ({ seed, size, deviation, temperature }) => {
        const logits = gaussians(createRandom(seed), size, deviation)
        const top = logits.reduce((a, b) => Math.max(a, b))
        const factor = Math.fround(1 / temperature)
        const expected = sumExp(logits, top, factor)
        const fromArguments = logits.reduce((sum, logit) => {
          const x = (logit - top) * factor
          return sum + Math.exp(x) * Math.abs(x) * roundings(2)
        }, 0)
        const tolerance = (EXP_ERROR + roundings(SUM_DEPTH)) * expected + fromArguments
        expectWithin([kernelSum(logits, top, factor)], [expected], () => tolerance)
      }),
      { seed: 75, numRuns: 60 },
    )
  })

  it('sumExp does not lose many small terms beside a large one', () => {
    const size = 166144
    const logits = new Float32Array(size).fill(-17)
    logits[0] = 0
    const expected = 1 + (size - 1) * Math.exp(-17)
    // Only the first 1024 are added to the large one in float32; a lane that adds all of them would be off by 0.0017.
    expectWithin([kernelSum(logits, 0, 1)], [expected], () => (EXP_ERROR + roundings(SUM_DEPTH)) * expected)
  })

  it('sumExp counts masked tokens as nothing', () => {
    const logits = new Float32Array(64).fill(Number.NEGATIVE_INFINITY)
    logits[5] = 3
    expectExact([kernelSum(logits, 3, 1)], [1])
  })
})

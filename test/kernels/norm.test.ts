import fc from 'fast-check'
import { describe, it } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import { openBuilds } from './harness.ts'
import { rmsNorm } from './norm.reference.ts'
import { activations, gaussians } from './random-values.ts'
import { expectExact, expectWithin, roundings } from './tolerance.ts'

const EPS = Math.fround(1e-5)

describe.each(await openBuilds())('rmsNorm, $build build', ({ kernels, run }) => {
  const kernelNorm = (x: Float32Array, weight: Float32Array, columns: number) =>
    run((memory) => {
      const out = memory.floats(x.length)
      const pointers = [memory.floats(x).byteOffset, memory.floats(weight).byteOffset] as const
      kernels.rmsNorm(out.byteOffset, ...pointers, weight.length, columns, EPS)
      return out.slice()
    })

  // The sum of squares has no cancellation: size / 4 additions a lane and 2 across are as many roundings of it, halved by the
  // root. Quotient, sum with eps, root, reciprocal and two products are 6 more at most.
  const tolerance = (size: number) => roundings(size / 8 + 7)

  it('normalizes every column', () => {
    const shape = fc.record({
      seed: fc.integer(),
      size: fc.integer({ min: 1, max: 100 }).map((quarter) => quarter * 4),
      columns: fc.integer({ min: 1, max: 5 }),
      magnitude: fc.constantFrom(1e-12, 1e-3, 1, 1e4, 1e12),
    })
    fc.assert(
      fc.property(shape, ({ seed, size, columns, magnitude }) => {
        const random = createRandom(seed)
        const x = activations(random, columns * size).map((value) => value * magnitude)
        const weight = gaussians(random, size)
        const expected = Array.from({ length: columns }, (_, column) =>
          Array.from(rmsNorm(x.subarray(column * size, (column + 1) * size), weight, EPS)),
        ).flat()
        expectWithin(
          kernelNorm(x, weight, columns),
          expected,
          // 2^-126, the smallest normal float, for results below it.
          (i) => tolerance(size) * Math.abs(expected[i]) + 2 ** -126,
        )
      }),
      { seed: 41, numRuns: 100 },
    )
  })

  it('normalizes a hidden vector of the model', () => {
    const random = createRandom(42)
    const [x, weight] = [activations(random, 2560), gaussians(random, 2560)]
    const expected = rmsNorm(x, weight, EPS)
    expectWithin(kernelNorm(x, weight, 1), expected, (i) => tolerance(2560) * Math.abs(expected[i]))
  })

  it('keeps zeros: eps is inside of the root', () => {
    expectExact(kernelNorm(new Float32Array(64), new Float32Array(64).fill(2), 1), new Float32Array(64))
  })
})

import fc from 'fast-check'
import { describe, it } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import { hadamard } from './hadamard.reference.ts'
import { openBuilds } from './harness.ts'
import { activations } from './random-values.ts'
import { expectWithin, roundings } from './tolerance.ts'

describe.each(await openBuilds())('hadamard, $build build', ({ kernels, run }) => {
  const transform = (x: Float32Array, block: number) =>
    run((memory) => {
      const inOut = memory.floats(x)
      kernels.hadamard(inOut.byteOffset, x.length, block)
      return inOut.slice()
    })
  const shape = fc.record({
    seed: fc.integer(),
    block: fc.constantFrom(4, 16, 64, 128, 256),
    blocks: fc.integer({ min: 1, max: 5 }),
  })
  // A butterfly rounds once a level, and the factor and its product twice; errors are of the size of the block's sum of |x| at most.
  const bound = (x: ArrayLike<number>, block: number) => (i: number) => {
    const first = i - (i % block)
    let sum = 0
    for (let j = first; j < first + block; j++) sum += Math.abs(x[j])
    return (roundings(Math.log2(block) + 3) * sum) / Math.sqrt(block)
  }

  it('multiplies every block by the matrix', () => {
    fc.assert(
      fc.property(shape, ({ seed, block, blocks }) => {
        const x = activations(createRandom(seed), block * blocks)
        expectWithin(transform(x, block), hadamard(x, block), bound(x, block))
      }),
      { seed: 61, numRuns: 100 },
    )
  })

  it('is its own inverse', () => {
    fc.assert(
      fc.property(shape, ({ seed, block, blocks }) => {
        const x = activations(createRandom(seed), block * blocks)
        const once = transform(x, block)
        expectWithin(
          transform(once, block),
          x,
          (i) => bound(once, block)(i) + 2 * bound(x, block)(i) * Math.sqrt(block),
        )
      }),
      { seed: 62, numRuns: 100 },
    )
  })
})

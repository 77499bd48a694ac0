import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type RopeLayout, rope } from '../../test/kernels/rope.reference.ts'
import { createRandom } from '../generate/random.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import { fillRotations, meanRotated } from './rope.ts'

it('is the mean of a bias that was rotated at every position', () => {
  const shape = fc.record({
    seed: fc.integer(),
    kvHeadCount: fc.integer({ min: 1, max: 4 }),
    headDim: fc.constantFrom(8, 32, 64, 128),
    maxPositionEmbeddings: fc.integer({ min: 1, max: 300 }),
    ropeTheta: fc.constantFrom(10000, 1000000),
    ropeLayout: fc.constantFrom<RopeLayout>('half', 'interleaved'),
  })
  fc.assert(
    fc.property(shape, ({ seed, ...shape }) => {
      const config = shape as ModelConfig
      const { kvHeadCount, headDim, maxPositionEmbeddings: positions, ropeLayout } = config
      const random = createRandom(seed)
      const bias = Float32Array.from({ length: kvHeadCount * headDim }, () => 200 * (random() - 0.5))
      const sum = new Float64Array(bias.length)
      for (let position = 0; position < positions; position++) {
        const [cos, sin] = [new Float32Array(headDim / 2), new Float32Array(headDim / 2)]
        fillRotations(cos, sin, position, config)
        rope(bias, cos, sin, ropeLayout).forEach((value, i) => {
          sum[i] += value
        })
      }
      const mean = meanRotated(bias, config)
      for (const [i, total] of sum.entries()) expect(mean[i]).toBeCloseTo(total / positions, 3)
    }),
    { seed: 1, numRuns: 200 },
  )
})

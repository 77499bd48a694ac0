import fc from 'fast-check'
import { describe, it } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import { openBuilds } from './harness.ts'
import { activations } from './random-values.ts'
import { pairOf, type RopeLayout, rope } from './rope.reference.ts'
import { expectExact, expectWithin, roundings } from './tolerance.ts'

const builds = await openBuilds()
const cases = builds.flatMap((build) => (['half', 'interleaved'] as const).map((layout) => ({ ...build, layout })))

function angles(headDim: number, position: number) {
  const angle = (_: unknown, i: number) => position * 10000 ** ((-2 * i) / headDim)
  const all = Array.from({ length: headDim / 2 }, angle)
  return { cos: Float32Array.from(all, Math.cos), sin: Float32Array.from(all, Math.sin) }
}

describe.each(cases)('rope, $layout, $build build', ({ kernels, run, layout }) => {
  const kernel = { half: kernels.ropeHalf, interleaved: kernels.ropeInterleaved }[layout satisfies RopeLayout]
  const kernelRope = (x: Float32Array, cos: Float32Array, sin: Float32Array) =>
    run((memory) => {
      const rotated = memory.floats(x)
      const pointers = [memory.floats(cos).byteOffset, memory.floats(sin).byteOffset] as const
      kernel(rotated.byteOffset, ...pointers, x.length / (2 * cos.length), 2 * cos.length)
      return rotated.slice()
    })

  it('turns every pair of every head', () => {
    const shape = fc.record({
      seed: fc.integer(),
      heads: fc.integer({ min: 1, max: 20 }),
      headDim: fc.constantFrom(8, 32, 64, 96, 128),
      position: fc.nat({ max: 300000 }),
    })
    fc.assert(
      fc.property(shape, ({ seed, heads, headDim, position }) => {
        const x = activations(createRandom(seed), heads * headDim)
        const { cos, sin } = angles(headDim, position)
        const expected = rope(x, cos, sin, layout)
        const sizes = new Float64Array(x.length)
        for (let i = 0; i < x.length / 2; i++) {
          const head = Math.floor(i / cos.length) * headDim
          const [first, second] = pairOf(i % cos.length, headDim, layout).map((at) => head + at)
          sizes[first] = sizes[second] = Math.abs(x[first]) + Math.abs(x[second])
        }
        // Two products and their sum.
        expectWithin(kernelRope(x, cos, sin), expected, (i) => roundings(3) * sizes[i])
      }),
      { seed: 51, numRuns: 100 },
    )
  })

  it('leaves position 0 as it is', () => {
    const x = activations(createRandom(52), 256).map((value) => value + 1)
    const { cos, sin } = angles(64, 0)
    expectExact(kernelRope(x, cos, sin), x)
  })

  it('turns by a quarter: (a, b) to (-b, a)', () => {
    const x = Float32Array.from({ length: 64 }, (_, i) => i + 1)
    const expected = new Float32Array(64)
    for (let i = 0; i < 32; i++) {
      const [first, second] = pairOf(i, 64, layout)
      expected[first] = -x[second]
      expected[second] = x[first]
    }
    expectExact(kernelRope(x, new Float32Array(32), new Float32Array(32).fill(1)), expected)
  })
})

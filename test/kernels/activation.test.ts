import { describe, it } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import { siluMultiply } from './activation.reference.ts'
import { openBuilds } from './harness.ts'
import { activations, gaussians } from './random-values.ts'
import { EXP_ERROR, expectExact, expectWithin, roundings } from './tolerance.ts'

describe.each(await openBuilds())('siluMultiply, $build build', ({ kernels, run }) => {
  const kernelSilu = (gate: Float32Array, up: Float32Array) =>
    run((memory) => {
      const out = memory.floats(gate)
      kernels.siluMultiply(out.byteOffset, memory.floats(up).byteOffset, gate.length)
      return out.slice()
    })

  // Beside the exponential's own error: a sum, a quotient and a product. The exponential stops at e^88.3 = 2.2e38, so that
  // x < -88.3 leaves up to |x| / 2.2e38 where the true value is still nearer to zero.
  const expectReference = (gate: Float32Array, up: Float32Array) => {
    const expected = siluMultiply(gate, up)
    const stopped = (i: number) => (Math.abs(gate[i] * up[i]) + 1) * 5e-39
    expectWithin(kernelSilu(gate, up), expected, (i) => (EXP_ERROR + roundings(3)) * Math.abs(expected[i]) + stopped(i))
  }

  it('is close from -120 to 120', () => {
    const gate = Float32Array.from({ length: 24004 }, (_, i) => (i - 12002) / 100)
    expectReference(gate, gaussians(createRandom(61), gate.length))
  })

  it('is close for random gates', () => {
    const random = createRandom(62)
    expectReference(activations(random, 4096), activations(random, 4096))
  })

  it('is close for huge and tiny gates', () => {
    const sizes = [1e-38, 1e-30, 1e-8, 87, 88, 89, 1e3, 1e10, 1e30]
    const gate = Float32Array.from([...sizes, ...sizes.map((x) => -x), 0, 1])
    expectReference(gate, new Float32Array(gate.length).fill(1.5))
  })

  it('is x * up for large x and zero for zero', () => {
    expectExact(kernelSilu(Float32Array.of(0, 40, 1e30, 200), Float32Array.of(5, 3, 2, 0)), [
      0,
      120,
      Math.fround(1e30) * 2,
      0,
    ])
  })
})

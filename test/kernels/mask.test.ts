import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import { openBuilds } from './harness.ts'
import { maskLogits } from './mask.reference.ts'
import { gaussians } from './random-values.ts'

/** Words of all kinds: with every bit, with none, with a few. */
const word = fc.oneof(fc.constantFrom(0, 0xffffffff, 1, 0x80000000), fc.integer({ min: 0, max: 0xffffffff }))

describe.each(await openBuilds())('mask, $build build', ({ kernels, run }) => {
  it('maskLogits leaves the allowed logits as they are, and no other', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(word, { minLength: 1, maxLength: 40 }), (seed, words) => {
        const logits = gaussians(createRandom(seed), words.length * 32, 10)
        const bits = Uint32Array.from(words)
        const masked = run((memory) => {
          const [at, mask] = [memory.floats(logits), memory.bytes(new Uint8Array(bits.buffer))]
          kernels.maskLogits(at.byteOffset, mask.byteOffset, logits.length)
          return at.slice()
        })
        expect(masked).toEqual(maskLogits(logits, bits))
      }),
      { seed: 81, numRuns: 200 },
    )
  })
})

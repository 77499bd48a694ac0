import fc from 'fast-check'
import { describe, it } from 'vitest'
import { packPlanes } from '../../src/pack/planes/layout.ts'
import { embeddingRow } from './embedding.reference.ts'
import { openBuilds } from './harness.ts'
import { planesCase } from './planes-case.ts'
import { expectExact } from './tolerance.ts'

const shape = fc.record({
  rows: fc.integer({ min: 1, max: 70 }),
  groups: fc.integer({ min: 1, max: 3 }),
  groupSize: fc.constantFrom(32, 64, 128),
  planes: fc.integer({ min: 1, max: 8 }),
  scales: fc.constantFrom({ hasMin: false }, { hasMin: true }, { hasMin: false, stepped: true }),
})

describe.each(await openBuilds())('embeddingRow, $build build', ({ kernels, run }) => {
  it('is exactly the dequantized row', () => {
    fc.assert(
      fc.property(fc.integer(), shape, (seed, { scales, ...of }) => {
        const { w, zeroPoint } = planesCase(seed, { ...of, ...scales }, 1)
        run((memory) => {
          const packed = memory.bytes(packPlanes(w))
          const out = memory.floats(w.cols)
          for (let row = 0; row < w.rows; row++) {
            out.fill(Number.NaN)
            kernels.embeddingRow(
              out.byteOffset,
              packed.byteOffset,
              row,
              w.cols,
              w.planes,
              w.groupSize,
              zeroPoint,
              scales.hasMin,
              w.steps !== undefined,
            )
            expectExact(out, embeddingRow(w, zeroPoint, row))
          }
        })
      }),
      { seed: 31, numRuns: 60 },
    )
  })
})

import { describe, expect, it } from 'vitest'
import { ENTRY_MAX } from '../../assembly/layout.ts'
import { createRandom } from '../../src/generate/random.ts'
import { entryMax } from '../../src/model/matrix.ts'
import { packPlanes } from '../../src/pack/planes/layout.ts'
import { attend, keyBytes, keysIn, store, valueBytes, valuesIn } from './attention.reference.ts'
import { type Arguments, type KernelBuild, openBuilds, openOtherDots } from './harness.ts'
import { tableProduct } from './planes.reference.ts'
import { kernelProduct, planesCase } from './planes-case.ts'
import { activations, gaussians } from './random-values.ts'
import { buildTables } from './tables.reference.ts'
import { expectExact, expectWithin, roundings } from './tolerance.ts'

// How far apart the relaxed and the plain build may be. Look-ups and their weighted sums are integers, equal in both, as is
// everything made of single operations. The relaxed build may fuse a multiply-add, which leaves out the rounding of the
// product and may turn the rounding of the sum the other way: half a unit and two halves, 3 roundings for each.
const FUSED = 3

const [relaxed, plain] = await openBuilds()
const otherDots = await openOtherDots()

/** What both builds leave in the array that `call` returns. */
function both<T extends Float32Array | Uint8Array | Int32Array>(
  call: (build: KernelBuild, memory: Arguments) => T,
): [T, T] {
  return [relaxed, plain].map((build) => build.run((memory) => call(build, memory).slice())) as [T, T]
}

describe('the relaxed and the plain build', () => {
  it('make equal tables', () => {
    const x = activations(createRandom(91), 3 * 512)
    expectExact(
      ...both(({ kernels }, memory) => {
        const tables = memory.bytes(kernels.tableBytes(512, 3, 64))
        kernels.buildTables(tables.byteOffset, memory.floats(x).byteOffset, 512, 3, 64, ENTRY_MAX)
        return tables
      }),
    )
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('multiply %i planes to the same, except for fused multiply-adds', (planes) => {
    for (const scales of [{ hasMin: false }, { hasMin: true }, { hasMin: false, stepped: true }]) {
      const of = planesCase(92 + planes, { planes, groupSize: 128, ...scales, rows: 64, groups: 3 }, 5)
      const [a, b] = [relaxed, plain].map((build) => kernelProduct(build, of))
      const tables = buildTables(
        of.x,
        of.w.cols,
        of.columns,
        of.w.groupSize,
        entryMax({ ...of.w, stepped: scales.stepped }),
      )
      const { magnitudes } = tableProduct(of.w, of.zeroPoint, tables, of.columns)
      // Two a run (2 runs of 64 columns, in 2 passes of up to four planes), one for a minimum, in each of 3 groups.
      const fused = 3 * (2 * 2 * 2 + 1)
      expectWithin(a, b, (i) => roundings(FUSED * fused) * (Math.abs(of.before[i]) + magnitudes[i]))
    }
  })

  it('read equal embedding rows', () => {
    const { w } = planesCase(93, { planes: 5, groupSize: 32, hasMin: true, rows: 40, groups: 4 }, 1)
    expectExact(
      ...both(({ kernels }, memory) => {
        const out = memory.floats(w.cols)
        const packed = memory.bytes(packPlanes(w))
        kernels.embeddingRow(out.byteOffset, packed.byteOffset, 39, w.cols, 5, 32, 0, true, false)
        return out
      }),
    )
  })

  it('store equal keys and values', () => {
    const shape = { kvHeads: 2, capacity: 3, headDim: 96 }
    const x = activations(createRandom(94), 192)
    for (const [storeOne, bytes] of [
      ['storeKey', keyBytes(shape)],
      ['storeValue', valueBytes(shape)],
    ] as const) {
      expectExact(
        ...both(({ kernels }, memory) => {
          const cache = memory.bytes(new Uint8Array(bytes))
          kernels[storeOne](cache.byteOffset, memory.floats(x).byteOffset, 1, 2, 3, 96)
          return cache
        }),
      )
    }
  })

  it('attend to the same, within twice the bound of one', () => {
    const random = createRandom(95)
    const shape = { kvHeads: 2, capacity: 80, headDim: 64 }
    const [keys, values] = [new Uint8Array(keyBytes(shape)), new Uint8Array(valueBytes(shape))]
    for (let i = 0; i < 70; i++) {
      store(keysIn(keys, shape), gaussians(random, 128), i)
      store(valuesIn(values, shape), gaussians(random, 128), i)
    }
    const q = gaussians(random, 8 * 64)
    const call = ({ kernels }: KernelBuild, memory: Arguments) => {
      const out = memory.floats(q.length)
      kernels.attend(
        out.byteOffset,
        memory.floats(q).byteOffset,
        memory.bytes(keys).byteOffset,
        memory.bytes(values).byteOffset,
        memory.bytes(kernels.attendScratchBytes(1, 64, 4)).byteOffset,
        69,
        1,
        8,
        2,
        80,
        64,
      )
      return out
    }
    const [a, b] = both(call)
    const { bounds } = attend(q, keysIn(keys, shape), valuesIn(values, shape), 70, 8)
    expectWithin(a, b, (i) => 2 * bounds[i])
    // Both ways of adding products give equal integers.
    expectExact(
      otherDots.run((memory) => call(otherDots, memory).slice()),
      a,
    )
  })

  it('rotate to the same, except for one fused multiply-add', () => {
    const random = createRandom(96)
    const x = gaussians(random, 256)
    const angles = Array.from({ length: 64 }, () => 2 * Math.PI * random())
    const [cos, sin] = [Float32Array.from(angles, Math.cos), Float32Array.from(angles, Math.sin)]
    for (const name of ['ropeHalf', 'ropeInterleaved'] as const) {
      const [a, b] = both(({ kernels }, memory) => {
        const rotated = memory.floats(x)
        kernels[name](rotated.byteOffset, memory.floats(cos).byteOffset, memory.floats(sin).byteOffset, 2, 128)
        return rotated
      })
      const largest = 2 * Math.max(...x.map(Math.abs))
      expectWithin(a, b, () => roundings(FUSED) * largest)
    }
  })

  it('select equal candidates', () => {
    const logits = gaussians(createRandom(97), 4096, 4)
    expectExact(
      ...both(({ kernels }, memory) => {
        const ids = memory.ints(40)
        kernels.selectTop(
          ids.byteOffset,
          memory.floats(40).byteOffset,
          memory.floats(logits).byteOffset,
          logits.length,
          40,
        )
        return ids
      }),
    )
    const [a, b] = [relaxed, plain].map(({ kernels, run }) =>
      run((memory) => kernels.maxLogit(memory.floats(logits).byteOffset, logits.length)),
    )
    expect(a).toBe(b)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ENTRY_MAX, QUAD, RAISE_BITS, SHORT_ENTRY_MAX, TABLE_ENTRIES } from '../../assembly/layout.ts'
import { createRandom } from '../../src/generate/random.ts'
import { type KernelBuild, openBuilds } from './harness.ts'
import { activations } from './random-values.ts'
import { buildTables, tableOffset } from './tables.reference.ts'
import { expectExact, expectWithin, roundings } from './tolerance.ts'

const shape = fc.record({
  seed: fc.integer(),
  groupSize: fc.constantFrom(32, 64, 128),
  groups: fc.integer({ min: 1, max: 5 }),
  columns: fc.integer({ min: 1, max: 9 }),
  entryMax: fc.constantFrom(ENTRY_MAX, SHORT_ENTRY_MAX),
})

/** What the kernel wrote, in the order of the reference. */
function kernelTables(
  { kernels, run }: KernelBuild,
  x: Float32Array,
  size: number,
  columns: number,
  groupSize: number,
  entryMax: number,
) {
  return run((memory) => {
    const tables = memory.bytes(kernels.tableBytes(size, columns, groupSize))
    kernels.buildTables(tables.byteOffset, memory.floats(x).byteOffset, size, columns, groupSize, entryMax)
    const entryBytes = columns * (size / QUAD) * TABLE_ENTRIES
    const pairs = new Float32Array(tables.slice(entryBytes).buffer).map((raised) => raised / 2 ** RAISE_BITS)
    return {
      entries: ordered(new Int8Array(tables.slice(0, entryBytes).buffer), columns, groupSize / QUAD),
      scales: pairs.filter((_, i) => i % 2 === 0),
      sums: pairs.filter((_, i) => i % 2 === 1),
    }
  })
}

/** [group][column][quad of the group][16] <- the kernel's order. */
function ordered(entries: Int8Array, columns: number, groupQuads: number): Int8Array {
  return entries.map((_, at) => {
    const table = Math.floor(at / TABLE_ENTRIES)
    const [quad, vector] = [table % groupQuads, Math.floor(table / groupQuads)]
    const start = tableOffset(Math.floor(vector / columns), vector % columns, quad, columns, groupQuads)
    return entries[start + (at % TABLE_ENTRIES)]
  })
}

/** A sum of up to 128 floats in 4 lanes, 4 at a time, is at most 8 + 2 + 2 additions deep. */
const SUM_DEPTH = 12

describe.each(await openBuilds())('buildTables, $build build', (build) => {
  const expectReference = (
    x: Float32Array,
    size: number,
    columns: number,
    groupSize: number,
    entryMax: number = ENTRY_MAX,
  ) => {
    const actual = kernelTables(build, x, size, columns, groupSize, entryMax)
    const expected = buildTables(x, size, columns, groupSize, entryMax)
    expectExact(actual.entries, expected.entries)
    expectExact(actual.scales, expected.scales)
    expectWithin(actual.sums, expected.sums, (i) => roundings(SUM_DEPTH) * expected.magnitudes[i])
    return actual
  }

  it('writes the entries, scales and sums of the reference', () => {
    fc.assert(
      fc.property(shape, ({ seed, groupSize, groups, columns, entryMax }) => {
        const size = groups * groupSize
        expectReference(activations(createRandom(seed), columns * size), size, columns, groupSize, entryMax)
      }),
      { seed: 11, numRuns: 60 },
    )
  })

  // The entry is rounded after a product and three additions of values up to 127, each rounded to float32, and the scale
  // has two roundings of its own: 127 * 6 roundings = 0.00005 of a step.
  it('is off by at most half a step from the exact signed half sums', () => {
    const [size, groupSize] = [256, 64]
    const x = activations(createRandom(12), size)
    const { entries, scales } = kernelTables(build, x, size, 1, groupSize, ENTRY_MAX)
    const exact = Float64Array.from(entries, (_, at) => {
      const quad = Math.floor(at / TABLE_ENTRIES) * QUAD
      let sum = 0
      for (let bit = 0; bit < QUAD; bit++) sum += (at >> bit) & 1 ? x[quad + bit] : -x[quad + bit]
      return sum / 2
    })
    const step = (at: number) => scales[Math.floor(((at / TABLE_ENTRIES) * QUAD) / groupSize)]
    const rebuilt = Float64Array.from(entries, (entry, at) => entry * step(at))
    expectWithin(rebuilt, exact, (at) => (0.5 + 1e-4) * step(at))
  })

  it('uses the whole range: the largest quad reaches 127, with the sign of its bits', () => {
    const x = new Float32Array(32)
    x.set([1, -2, 3, -4], 8)
    const { entries, scales, sums } = expectReference(x, 32, 1, 32)
    const quad = entries.subarray(2 * TABLE_ENTRIES, 3 * TABLE_ENTRIES)
    expect(quad[0b0101]).toBe(127)
    expect(quad[0b1010]).toBe(-127)
    expect(Math.max(...entries)).toBe(127)
    expectExact(scales, [Math.fround(5 / 127)])
    expectExact(sums, [-2])
  })

  it('writes zeros for zeros', () => {
    const { entries, scales, sums } = kernelTables(build, new Float32Array(128), 128, 1, 64, ENTRY_MAX)
    expect(entries.every((entry) => entry === 0)).toBe(true)
    expectExact(scales, [0, 0])
    expectExact(sums, [0, 0])
  })

  it.each([1e-30, 1e-20, 1e18, 1e20])('keeps full precision at activations of size %f', (size) => {
    const random = createRandom(13)
    const x = Float32Array.from({ length: 256 }, () => size * (2 * random() - 1))
    const { entries } = expectReference(x, 128, 2, 128)
    expect(Math.max(...entries)).toBe(127)
  })

  it('gives an outlier its own group only', () => {
    const x = new Float32Array(64).fill(1e-3)
    x[40] = 1e4
    const { entries } = expectReference(x, 64, 1, 32)
    const [first, second] = [entries.subarray(0, 128), entries.subarray(128)]
    expect(first.includes(127)).toBe(true)
    const quad = 2 * TABLE_ENTRIES
    expect(second.subarray(0, quad).every((entry) => entry === 0)).toBe(true)
    expect(new Set(second.subarray(quad, quad + TABLE_ENTRIES))).toEqual(new Set([127, -127]))
    expect(second.subarray(quad + TABLE_ENTRIES).every((entry) => entry === 0)).toBe(true)
  })
})

/// <reference lib="esnext.float16" />
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QUAD, STEPS } from '../../assembly/layout.ts'
import { createRandom } from '../../src/generate/random.ts'
import { entryMax } from '../../src/model/matrix.ts'
import type { QuantizedMatrix } from '../../src/pack/planes/layout.ts'
import { openBuilds } from './harness.ts'
import { exactProduct, halves, tableBound, tableProduct } from './planes.reference.ts'
import { kernelProduct, type PlanesCase, planesCase } from './planes-case.ts'
import { integer } from './random-values.ts'
import { buildTables } from './tables.reference.ts'
import { expectExact, expectWithin, roundings } from './tolerance.ts'

const formats = [1, 2, 3, 4, 5, 6, 7, 8].flatMap((planes) =>
  [32, 64, 128].flatMap((groupSize) =>
    [
      { hasMin: false, stepped: false },
      { hasMin: true, stepped: false },
      { hasMin: false, stepped: true },
    ].map((scales) => ({ planes, groupSize, ...scales })),
  ),
)

// Roundings on the way of a term into y: 12 in sum(x), 6 in its products with centre, factor and scale, and one for each
// later addition to y: at most 4 groups of 2 runs in 2 passes and a minimum, 20. All are relative to sizes of terms.
const ROUNDINGS = 12 + 6 + 20

const formatOf = (w: QuantizedMatrix) => ({ ...w, stepped: w.steps !== undefined })

const add = (a: ArrayLike<number>, b: ArrayLike<number>) => Float64Array.from(a, (value, i) => value + b[i])

describe.each(await openBuilds())('matmul, $build build', (build) => {
  const expectProduct = (of: PlanesCase) => {
    const actual = kernelProduct(build, of)
    const tables = buildTables(of.x, of.w.cols, of.columns, of.w.groupSize, entryMax(formatOf(of.w)))
    const model = tableProduct(of.w, of.zeroPoint, tables, of.columns)
    const rounding = (i: number) => roundings(ROUNDINGS) * (Math.abs(of.before[i]) + model.magnitudes[i])
    expectWithin(actual, add(of.before, model.y), rounding)

    const exact = exactProduct(of.w, of.zeroPoint, of.x, of.columns)
    const bound = tableBound(of.w, tables, of.columns)
    expectWithin(actual, add(of.before, exact.y), (i) => bound[i] + rounding(i))
  }

  it('adds the product of the rounded tables, within the table bound of the exact product', () => {
    const shape = fc.record({
      seed: fc.integer(),
      format: fc.constantFrom(...formats),
      rows: fc.integer({ min: 1, max: 100 }),
      groups: fc.integer({ min: 1, max: 4 }),
      columns: fc.integer({ min: 1, max: 13 }),
    })
    fc.assert(
      fc.property(shape, ({ seed, format, rows, groups, columns }) => {
        expectProduct(planesCase(seed, { ...format, rows, groups }, columns))
      }),
      { seed: 21, numRuns: 40 },
    )
  })

  // Few columns go through four parts of the matrix at once: of these the last are shorter by a tile, or are not there.
  it.each([1, 33, 65, 97, 129, 161, 193, 225, 257, 289])('does so for %i rows', (rows) => {
    for (const columns of [1, 3, 7]) {
      const shape = { planes: 2, groupSize: 64, rows, groups: 2 }
      expectProduct(planesCase(28, { ...shape, hasMin: true }, columns))
      expectProduct(planesCase(30, { ...shape, hasMin: false, stepped: true }, columns))
    }
  })

  it.each(formats)(
    'does so for $planes planes, groups of $groupSize, minimum stored: $hasMin, steps: $stepped',
    (format) => {
      expectProduct(planesCase(22, { ...format, rows: 45, groups: 2 }, 6))
    },
  )

  it.each(formats)(
    'is exact in integers: $planes planes, groups of $groupSize, minimum stored: $hasMin, steps: $stepped',
    (format) => {
      for (const levels of ['random', 'largest', 'smallest'] as const) {
        const of = integerCase(23, format, levels)
        const exact = exactProduct(of.w, of.zeroPoint, of.x, of.columns)
        expectExact(kernelProduct(build, of), add(of.before, exact.y))
      }
    },
  )

  it('leaves y as it is where the activations are zero', () => {
    const of = planesCase(24, { planes: 3, groupSize: 64, hasMin: true, rows: 40, groups: 3 }, 5)
    expectExact(kernelProduct(build, { ...of, x: new Float32Array(of.x.length) }), of.before)
  })

  // Below 3.7e-37 the reciprocal of the table scale overflows and entries saturate; the scale keeps them harmless.
  it('leaves y as it is where the activations are subnormal', () => {
    const of = planesCase(27, { planes: 4, groupSize: 128, hasMin: false, rows: 40, groups: 2 }, 5)
    const x = of.x.map((value) => value * 1e-41)
    const before = of.before.fill(1)
    expectExact(kernelProduct(build, { ...of, x, before }), before)
  })

  it('keeps the columns apart', () => {
    const of = planesCase(25, { planes: 5, groupSize: 32, hasMin: false, rows: 33, groups: 4 }, 9)
    const together = kernelProduct(build, of)
    for (let column = 0; column < of.columns; column++) {
      const own = (array: Float32Array, size: number) => array.subarray(column * size, (column + 1) * size)
      // Everything but this column changes.
      const x = of.x.map((value) => 3 - value)
      const before = of.before.map((value) => value + 1)
      own(x, of.w.cols).set(own(of.x, of.w.cols))
      own(before, of.w.rows).set(own(of.before, of.w.rows))
      expectExact(own(kernelProduct(build, { ...of, x, before }), of.w.rows), own(together, of.w.rows))
    }
  })

  // What is computed at once with others, in a chunk of a prompt or beside other answers, must be what it is alone.
  it.each(formats)(
    'gives a column the same bits in any number: $planes planes, groups of $groupSize, minimum stored: $hasMin, steps: $stepped',
    (format) => {
      const of = planesCase(29, { ...format, rows: 170, groups: 2 }, 13)
      const together = kernelProduct(build, of)
      for (let from = 0; from < of.columns; ) {
        const columns = Math.min(of.columns - from, 1 + (from % 4))
        const some = (array: Float32Array, size: number) => array.slice(from * size, (from + columns) * size)
        const alone = kernelProduct(build, {
          ...of,
          x: some(of.x, of.w.cols),
          before: some(of.before, of.w.rows),
          columns,
        })
        expectExact(alone, some(together, of.w.rows))
        from += columns
      }
    },
  )

  it('tells subnormal scales from zero', () => {
    const of = planesCase(26, { planes: 4, groupSize: 32, hasMin: false, rows: 32, groups: 1 }, 1)
    const scales = Uint16Array.from({ length: 32 }, (_, row) => row)
    const w: QuantizedMatrix = { ...of.w, scales, q: new Uint8Array(32 * 32).fill(1) }
    const x = new Float32Array(32).fill(127)
    const y = kernelProduct(build, { w, zeroPoint: 0, x, columns: 1, before: new Float32Array(32) })
    // 2^-24 is the smallest half float.
    expectExact(
      y,
      Float32Array.from({ length: 32 }, (_, row) => row * 2 ** -24 * 32 * 127),
    )
    expect(halves(scales)[31]).toBe(31 * 2 ** -24)
  })
})

/**
 * A case in which nothing rounds: integer activations whose quads have an even sum of sizes, at most twice the largest entry and once a group
 * exactly that, make a table scale of 1 and whole entries; scales are 1 and -1, minimums and zero points whole. Every
 * partial result is then a multiple of 1/2 below 2^23, also where all bits and signs agree and entries are all the largest, the
 * largest sums that the kernel's 16-bit lanes must hold.
 */
function integerCase(
  seed: number,
  { planes, groupSize, hasMin, stepped }: (typeof formats)[number],
  levels: 'random' | 'largest' | 'smallest',
): PlanesCase {
  const random = createRandom(seed)
  const [rows, groups, columns] = [37, 3, 5]
  const cols = groups * groupSize
  const halvesOf = (draw: () => number, length = rows * groups) =>
    new Uint16Array(Float16Array.from({ length }, draw).buffer)
  const largest = 2 ** planes - 1
  const largestEntry = entryMax({ planes, groupSize, stepped })
  const level = { random: () => integer(random, 0, largest), largest: () => largest, smallest: () => 0 }[levels]
  const quad = (first: boolean) => {
    const total = 2 * (levels === 'random' && !first ? integer(random, 0, largestEntry) : largestEntry)
    const cuts = [0, integer(random, 0, total), integer(random, 0, total), integer(random, 0, total), total]
    cuts.sort((a, b) => a - b)
    const sign = () => (levels === 'random' && random() < 0.5 ? -1 : 1)
    return [0, 1, 2, 3].map((i) => sign() * (cuts[i + 1] - cuts[i]))
  }
  const quads = Array.from({ length: (columns * cols) / QUAD }, (_, i) => quad((i * QUAD) % groupSize === 0))
  const w: QuantizedMatrix = {
    rows,
    cols,
    planes,
    groupSize,
    q: Uint8Array.from({ length: rows * cols }, level),
    scales: stepped
      ? halvesOf(() => (random() < 0.5 ? STEPS : -STEPS), rows)
      : halvesOf(() => (random() < 0.5 ? 1 : -1)),
    ...(stepped && { steps: new Uint8Array(rows * groups).fill(1) }),
    mins: hasMin ? halvesOf(() => integer(random, -32, 32)) : null,
  }
  return {
    w,
    zeroPoint: stepped ? -largest / 2 : hasMin ? 0 : -integer(random, 0, 2 ** (planes - 1)),
    x: Float32Array.from(quads.flat()),
    columns,
    before: new Float32Array(columns * rows).fill(3),
  }
}

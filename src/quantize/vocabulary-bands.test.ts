import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PlannedTensor, planTensor } from '../pack/plan-tensor.ts'
import { bandMatrix, placeOf } from '../weights/bands.ts'
import { isMatrix, type PlannedMatrix } from './planned-weights.ts'
import { bandShares, inBands, mergedBands } from './vocabulary-bands.ts'

function planOf(vocabulary: number): PlannedTensor[] {
  const shapes: [string, number[]][] = [
    ['embedding', [vocabulary, 64]],
    ['layers.0.query', [64, 64]],
    ['norm', [64]],
    ['head', [vocabulary, 64]],
  ]
  return shapes.map(([name, shape]) =>
    planTensor(name, { name, shape, type: 'F32', path: 'a', offset: 0 }, { planes: {}, groupSize: 32 }),
  )
}

const bandsOf = (plan: readonly PlannedTensor[], matrix: string) =>
  plan.filter(isMatrix).filter(({ entry }) => bandMatrix(entry.name) === matrix)

/** [first row, rows] of each. */
const spans = (bands: readonly PlannedMatrix[]) => bands.map(({ firstRow = 0, entry }) => [firstRow, entry.shape[0]])

describe('bands of a vocabulary', () => {
  it('hold every row once, in order, and change nothing else', () => {
    const plan = inBands(planOf(20_000))
    expect(plan.map(({ entry }) => entry.name)).toEqual([
      ...['embedding', 'embedding.1', 'embedding.2', 'layers.0.query', 'norm', 'head', 'head.1', 'head.2'],
    ])
    for (const matrix of ['embedding', 'head']) {
      expect(spans(bandsOf(plan, matrix))).toEqual([
        ...[
          [0, 8192],
          [8192, 8192],
          [16384, 3616],
        ],
      ])
    }
  })

  it('are one again where neighbours are alike', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(2, 3, 4), { minLength: 1, maxLength: 9 }), (planes) => {
        const plan = inBands(planOf(32 * planes.length), 32)
        const set = plan.map((tensor) => {
          const band = bandsOf(plan, bandMatrix(tensor.entry.name) ?? '').indexOf(tensor as PlannedMatrix)
          return band < 0 ? tensor : { ...tensor, entry: { ...tensor.entry, planes: planes[band] } }
        }) as PlannedTensor[]
        const merged = mergedBands(set)
        for (const matrix of ['embedding', 'head'] as const) {
          const bands = bandsOf(merged, matrix)
          expect(bands.map(({ entry }) => entry.name)).toEqual(
            bands.map((_, i) => (i === 0 ? matrix : `${matrix}.${i}`)),
          )
          const rows = bands.map(({ entry }) => ({ rows: entry.shape[0] }))
          for (const [i, wanted] of planes.entries()) {
            const { index, row } = placeOf(rows, 32 * i)
            expect(bands[index].entry.planes).toBe(wanted)
            expect(bands[index].firstRow! + row).toBe(32 * i)
          }
          const chosen = bands.map(({ entry }) => entry.planes)
          expect(chosen.filter((planes, i) => planes === chosen[i + 1])).toEqual([])
        }
        expect(merged.filter(({ entry }) => bandMatrix(entry.name) === undefined)).toHaveLength(2)
      }),
    )
  })

  it('count by how often their tokens come, and a little by their size', () => {
    const bands = bandsOf(inBands(planOf(64), 32), 'head')
    expect(bandShares(bands, [[1, 2, 3], [40]])).toEqual([0.9 * 0.75 + 0.05, 0.9 * 0.25 + 0.05])
    expect(bandShares(bands, [[33]])[1]).toBeCloseTo(0.95)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distributionOf } from '../../test/support/array-distribution.ts'
import type { Adjustment, Distribution } from '../generate/distribution.ts'
import type { SliceAnswer } from './head-slice.ts'
import { mergeSlices } from './merged-distribution.ts'

/** Few different values, so that there are ties within and across slices. */
const logits = fc.array(fc.oneof(fc.integer({ min: -4, max: 4 }), fc.float({ min: -30, max: 30, noNaN: true })), {
  minLength: 3,
  maxLength: 80,
})

const vocabulary = logits.chain((values) =>
  fc.record({
    logits: fc.constant(Float32Array.from(values)),
    cuts: fc.uniqueArray(fc.integer({ min: 1, max: values.length - 1 }), { maxLength: 5 }),
    adjustments: fc.uniqueArray(
      fc.record({
        id: fc.nat({ max: values.length - 1 }),
        scale: fc.constantFrom(1, 1.5),
        add: fc.integer({ min: -9, max: 9 }),
      }),
      { selector: ({ id }) => id, maxLength: 6 },
    ),
    temperature: fc.constantFrom(0.3, 1, 2),
    held: fc.integer({ min: 1, max: 8 }),
    rawId: fc.nat({ max: values.length - 1 }),
  }),
)

/** What the slices would answer. */
async function answersOf(
  { logits, cuts, adjustments, temperature, rawId }: typeof vocabulary extends fc.Arbitrary<infer T> ? T : never,
  top: number,
): Promise<SliceAnswer[]> {
  const bounds = [0, ...cuts.toSorted((a, b) => a - b), logits.length]
  return Promise.all(
    bounds.slice(1).map(async (end, index) => {
      const first = bounds[index]
      const own: Adjustment[] = adjustments
        .filter(({ id }) => id >= first && id < end)
        .map((adjustment) => ({ ...adjustment, id: adjustment.id - first }))
      const slice = distributionOf(logits.slice(first, end), own, temperature)
      const { ids, logits: values } = await slice.top(top)
      const rawTop = slice.rawTop(20)
      return {
        ids: Array.from(ids, (id) => id + first),
        logits: [...values],
        raw: Array.from(ids, (id) => slice.rawLogit(id)),
        logSumExp: slice.logSumExp,
        rawTop: { ids: Array.from(rawTop.ids, (id) => id + first), logits: [...rawTop.logits] },
        rawLogSumExp: slice.rawLogSumExp,
        ...(rawId >= first && rawId < end && { rawLogit: slice.rawLogit(rawId - first) }),
      }
    }),
  )
}

describe('a distribution merged from slices', () => {
  it('is that of the whole vocabulary', () =>
    fc.assert(
      fc.asyncProperty(vocabulary, fc.integer({ min: 1, max: 80 }), async (parts, count) => {
        const { logits, adjustments, temperature, held, rawId } = parts
        const whole = distributionOf(logits, adjustments, temperature)
        const merged = mergeSlices(logits.length, await answersOf(parts, held), held, (top) => answersOf(parts, top))
        const expected = await whole.top(Math.min(count, logits.length))
        const actual = await merged.top(Math.min(count, logits.length))
        expect(actual).toEqual(expected)
        expect(merged.logSumExp).toBeCloseTo(whole.logSumExp, 9)
        expect(merged.rawLogSumExp).toBeCloseTo(whole.rawLogSumExp, 9)
        expect(merged.rawTop(5)).toEqual(whole.rawTop(5))
        for (const id of [...actual.ids, rawId]) expect(merged.rawLogit(id)).toBe(whole.rawLogit(id))
      }),
      { seed: 1, numRuns: 500 },
    ))

  it('asks the slices again only for more than they gave', async () => {
    const asked: number[] = []
    const slice = (first: number): SliceAnswer => ({
      ...{ ids: [first, first + 1], logits: [4 - first, 1 - first], raw: [4 - first, 1 - first], logSumExp: 4 },
    })
    const merged: Distribution = mergeSlices(8, [slice(0), slice(4)], 2, async (count) => {
      asked.push(count)
      return [slice(0), slice(4)]
    })
    await merged.top(2)
    expect(asked).toEqual([])
    await merged.top(3)
    expect(asked).toEqual([3])
  })

  it('shows a logit that is not a number', async () => {
    const slice = (id: number, logit: number): SliceAnswer => ({
      ids: [id],
      logits: [logit],
      raw: [logit],
      logSumExp: 1,
    })
    for (const bad of [0, 1]) {
      const slices = [slice(0, 3), slice(1, 2)].map((answer, i) => (i === bad ? slice(i, Number.NaN) : answer))
      const { logits } = await mergeSlices(2, slices, 1, async () => slices).top(1)
      expect([...logits]).toEqual([Number.NaN])
    }
  })
})

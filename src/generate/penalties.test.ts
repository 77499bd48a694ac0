import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distributionOf } from '../../test/support/array-distribution.ts'
import type { PenaltyParams } from './penalties.ts'
import { Penalties } from './penalties.ts'

const NONE: PenaltyParams = { repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() }
const VOCAB = 12

/** The definition over the whole vocabulary, from all tokens at once. */
function referenceLogits(logits: Float32Array, params: PenaltyParams, prompt: number[], generated: number[]): number[] {
  return Array.from(logits, (logit, id) => {
    const times = generated.filter((other) => other === id).length
    let changed = logit
    if (times > 0 || prompt.includes(id)) {
      changed = changed > 0 ? changed / params.repetitionPenalty : changed * params.repetitionPenalty
    }
    changed -= params.frequencyPenalty * times
    if (times > 0) changed -= params.presencePenalty
    return changed + (params.logitBias.get(id) ?? 0)
  })
}

const id = fc.nat(VOCAB - 1)
const ids = fc.array(id, { maxLength: 20 })
const params: fc.Arbitrary<PenaltyParams> = fc.record({
  repetitionPenalty: fc.constantFrom(1, 1.1, 2, 0.5),
  presencePenalty: fc.constantFrom(0, 0.5, -2),
  frequencyPenalty: fc.constantFrom(0, 0.25, -1),
  logitBias: fc.array(fc.tuple(id, fc.constantFrom(-100, -1, 3))).map((entries) => new Map(entries)),
})

describe('Penalties', () => {
  it('adjusts every logit as the definition says, after every token', async () => {
    const logits = Float32Array.from({ length: VOCAB }, (_, i) => (i % 5) - 2)
    await fc.assert(
      fc.asyncProperty(params, ids, ids, async (params, prompt, generated) => {
        const penalties = new Penalties(params, prompt)
        for (let i = 0; i <= generated.length; i++) {
          const { adjustments } = penalties
          expect(new Set(adjustments.map(({ id }) => id)).size).toBe(adjustments.length)
          const { ids, logits: adjusted } = await distributionOf(logits, adjustments).top(VOCAB)
          const expected = referenceLogits(logits, params, prompt, generated.slice(0, i))
          ids.forEach((id, rank) => {
            expect(adjusted[rank]).toBeCloseTo(expected[id], 4)
          })
          if (i < generated.length) penalties.count(generated[i])
        }
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  it('has nothing to adjust when nothing applies', () => {
    const neutral = new Penalties(NONE, [1, 2, 3])
    neutral.count(4)
    expect(neutral.adjustments).toEqual([])
    expect(new Penalties({ ...NONE, presencePenalty: 1, frequencyPenalty: 1 }, [1, 2, 3]).adjustments).toEqual([])
  })

  it('counts prompt tokens for the repetition penalty only', () => {
    const penalties = new Penalties(
      { ...NONE, repetitionPenalty: 1.5, presencePenalty: 1, frequencyPenalty: 0.5 },
      [7, 7],
    )
    expect(penalties.adjustments).toEqual([{ id: 7, scale: 1.5, add: 0 }])
    penalties.count(7)
    penalties.count(7)
    expect(penalties.adjustments).toEqual([{ id: 7, scale: 1.5, add: -2 }])
  })
  it('bans a token, whatever its bias and however often it came', async () => {
    const logitBias = new Map([[7, 100]])
    const penalties = new Penalties({ ...NONE, presencePenalty: 1, logitBias }, [])
    penalties.ban(7)
    penalties.count(7)
    penalties.ban(3)
    const logits = Float32Array.from({ length: VOCAB }, (_, id) => (id === 3 || id === 7 ? 500 : id))
    expect([...(await distributionOf(logits, penalties.adjustments).top(2)).ids]).toEqual([11, 10])
    expect(penalties.adjustments).toHaveLength(2)
  })
})

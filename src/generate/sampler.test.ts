import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distributionOf } from '../../test/support/array-distribution.ts'
import type { Candidates, Distribution } from './distribution.ts'
import { createRandom } from './random.ts'
import { type Filters, NonFiniteLogitsError, sample } from './sampler.ts'

const OFF: Filters = { temperature: 1, topP: 1, topK: 0, minP: 0 }

/** The definition, step by step on the sorted full vocabulary, renormalised after every filter; most likely token first. */
function referenceProbabilities(logits: Float32Array, filters: Filters): { id: number; probability: number }[] {
  const normalise = (tokens: { id: number; probability: number }[]) => {
    const sum = tokens.reduce((total, { probability }) => total + probability, 0)
    return tokens.map(({ id, probability }) => ({ id, probability: probability / sum }))
  }
  const max = Math.max(...logits)
  const weights = Array.from(logits, (logit, id) => ({
    id,
    probability: Math.exp((logit - max) / filters.temperature),
  }))
  let tokens = normalise(weights.sort((a, b) => b.probability - a.probability || a.id - b.id))
  tokens = normalise(tokens.filter(({ probability }) => probability >= filters.minP * tokens[0].probability))
  if (filters.topK > 0) tokens = normalise(tokens.slice(0, filters.topK))
  let before = 0
  return normalise(
    tokens.filter(({ probability }, i) => {
      const kept = i === 0 || filters.topP >= 1 || before < filters.topP
      before += probability
      return kept
    }),
  )
}

/** Sorts once for each count, and notes the counts asked for. */
function observed(distribution: Distribution): { distribution: Distribution; asked: number[] } {
  const asked: number[] = []
  const answers = new Map<number, Promise<Candidates>>()
  const top = (count: number) => {
    const answer = answers.get(count) ?? distribution.top(count)
    answers.set(count, answer)
    asked.push(count)
    return answer
  }
  return { distribution: { ...distribution, top }, asked }
}

/** Sampled shares against expected probabilities; cells below 5 expected draws are joined. */
function chiSquare(
  counts: ReadonlyMap<number, number>,
  expected: { id: number; probability: number }[],
  draws: number,
) {
  let [statistic, cells, restSeen, restExpected] = [0, 0, 0, 0]
  for (const { id, probability } of expected) {
    restSeen += counts.get(id) ?? 0
    restExpected += probability * draws
    if (restExpected < 5) continue
    statistic += (restSeen - restExpected) ** 2 / restExpected
    cells++
    restSeen = restExpected = 0
  }
  return { statistic, degrees: cells - 1 }
}

const randomLogits = (size: number, spread: number, seed: number) => {
  const random = createRandom(seed)
  return Float32Array.from({ length: size }, () => (random() - 0.5) * spread)
}

// Thresholds over a prime, so that no sum of equal probabilities lies on one and rounding cannot decide.
const fraction = fc.integer({ min: 1, max: 10_006 }).map((k) => k / 10_007)
const filtersArbitrary: fc.Arbitrary<Filters> = fc.record({
  temperature: fc.double({ min: 0.05, max: 5, noNaN: true }),
  topP: fc.oneof(fc.constant(1), fraction),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 800 })),
  minP: fc.oneof(fc.constant(0), fraction),
})
const logitsArbitrary = fc
  .record({
    size: fc.integer({ min: 1, max: 700 }),
    spread: fc.constantFrom(0, 0.1, 2, 10, 60),
    seed: fc.nat(),
    step: fc.constantFrom(0, 0.25),
  })
  .map(({ size, spread, seed, step }) =>
    randomLogits(size, spread, seed).map((logit) => (step ? Math.round(logit / step) * step : logit)),
  )

describe('sample', () => {
  it('gives every token exactly its interval of [0, 1)', async () => {
    await fc.assert(
      fc.asyncProperty(logitsArbitrary, filtersArbitrary, async (logits, filters) => {
        const { distribution } = observed(distributionOf(logits, [], filters.temperature))
        let before = 0
        for (const { id, probability } of referenceProbabilities(logits, filters)) {
          const middle = before + probability / 2
          before += probability
          // Below this, rounding moves the interval by its own width.
          if (probability > 1e-9) expect(await sample(distribution, filters, () => middle)).toBe(id)
        }
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('never leaves the tokens that the filters keep', async () => {
    await fc.assert(
      fc.asyncProperty(logitsArbitrary, filtersArbitrary, async (logits, filters) => {
        const kept = referenceProbabilities(logits, filters).map(({ id }) => id)
        for (const uniform of [0, 1 - 2 ** -53]) {
          expect(kept).toContain(await sample(distributionOf(logits, [], filters.temperature), filters, () => uniform))
        }
      }),
      { seed: 2, numRuns: 200 },
    )
  })

  it.each<[string, Filters]>([
    ['no filter', OFF],
    ['the model’s own settings', { ...OFF, temperature: 0.6, topP: 0.95 }],
    ['all filters', { temperature: 1.3, topP: 0.9, topK: 150, minP: 0.05 }],
  ])('draws tokens as often as their probabilities say: %s', async (_, filters) => {
    const logits = randomLogits(300, 6, 3)
    const { distribution } = observed(distributionOf(logits, [], filters.temperature))
    const random = createRandom(11)
    const draws = 20_000
    const counts = new Map<number, number>()
    for (let i = 0; i < draws; i++) {
      const id = await sample(distribution, filters, random)
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    const { statistic, degrees } = chiSquare(counts, referenceProbabilities(logits, filters), draws)
    expect(degrees).toBeGreaterThan(50)
    // Mean plus four standard deviations of chi-square.
    expect(statistic).toBeLessThan(degrees + 4 * Math.sqrt(2 * degrees))
  })

  it('takes the most likely token at temperature 0, of equals the one with the smallest id, and no random number', async () => {
    const random = () => {
      throw new Error('unused')
    }
    const logits = Float32Array.of(1, 3, 2, 3)
    expect(await sample(distributionOf(logits), { ...OFF, temperature: 0 }, random)).toBe(1)
  })

  it('asks for 64 candidates while they suffice', async () => {
    const logits = randomLogits(5000, 2, 5)
    logits[1234] = 20
    const { distribution, asked } = observed(distributionOf(logits))
    expect(await sample(distribution, { ...OFF, topP: 0.95 }, () => 0.99)).toBe(1234)
    expect(asked).toEqual([64])
  })

  it('asks for more, up to all, when the nucleus or the drawn mass lies further down', async () => {
    const flat = new Float32Array(5000)
    const nucleus = observed(distributionOf(flat))
    expect(await sample(nucleus.distribution, { ...OFF, topP: 0.5001 }, () => 0.999)).toBe(2498)
    expect(nucleus.asked).toEqual([64, 512, 4096])
    const draw = observed(distributionOf(flat))
    expect(await sample(draw.distribution, OFF, () => 0.9999)).toBe(4999)
    expect(draw.asked).toEqual([64, 512, 4096, 5000])
  })

  it('asks once for what top-k needs', async () => {
    const { distribution, asked } = observed(distributionOf(randomLogits(5000, 2, 6)))
    await sample(distribution, { ...OFF, topK: 300, topP: 0.9 }, () => 0.5)
    expect(asked).toEqual([300])
  })

  it('never draws a token of logit minus infinity', async () => {
    const logits = new Float32Array(100).fill(-Infinity)
    logits[42] = -5
    for (const uniform of [0, 1 - 2 ** -53]) expect(await sample(distributionOf(logits), OFF, () => uniform)).toBe(42)
  })

  it.each([[-Infinity], [Infinity], [NaN]])('refuses logits of %d', async (logit) => {
    const distribution = distributionOf(new Float32Array(10).fill(logit))
    for (const temperature of [0, 1]) {
      await expect(sample(distribution, { ...OFF, temperature }, () => 0.5)).rejects.toThrow(NonFiniteLogitsError)
    }
  })

  it('refuses a single NaN among the logits', async () => {
    const logits = randomLogits(200, 2, 8)
    const distribution = { ...distributionOf(logits), logSumExp: NaN }
    await expect(sample(distribution, OFF, () => 0.5)).rejects.toThrow(NonFiniteLogitsError)
  })
})

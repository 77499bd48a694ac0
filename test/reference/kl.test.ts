import { describe, expect, it } from 'vitest'
import { compare, fromLogits, type ModelDistribution, parseReference, type Reference, readReference } from './kl.ts'

/** Two texts of two scored positions over a vocabulary of 4, the two likeliest kept: P = (0.5, 0.25, 0.15, 0.1). */
const handMade: Reference = {
  model: { file: 'none', sha256: '' },
  vocabSize: 4,
  firstPosition: 1,
  positions: 2,
  top: 2,
  texts: [
    { name: 'a', kind: 'prose', tokens: [3, 2, 0, 1] },
    { name: 'b', kind: 'code', tokens: [1, 1, 2, 3] },
  ],
  topIds: Uint16Array.from([0, 1, 0, 1, 0, 1, 0, 1]),
  topLogprobs: Float32Array.from([0.5, 0.25, 0.5, 0.25, 0.5, 0.25, 0.5, 0.25], Math.log),
  restLogprobs: Float32Array.from([0.25, 0.25, 0.25, 0.25], Math.log),
  nextLogprobs: Float32Array.from([0.5, 0.25, 0.15, 0.1], Math.log),
}
const exact = fromLogits([0.5, 0.25, 0.15, 0.1].map(Math.log))

/** The reference as its own model, with the rest spread over one token outside the top. */
function itself(reference: Reference): (text: number, position: number) => ModelDistribution {
  return (text, position) => {
    const row = text * reference.positions + position - reference.firstPosition
    const span = [row * reference.top, (row + 1) * reference.top] as const
    const ids = reference.topIds.subarray(...span)
    const logprobs = reference.topLogprobs.subarray(...span)
    const next = reference.texts[text].tokens[position + 1]
    return {
      top1: ids[0],
      logprob: (id) => (ids.includes(id) ? logprobs[ids.indexOf(id)] : id === next ? reference.nextLogprobs[row] : NaN),
    }
  }
}

describe('compare', () => {
  it('finds no divergence between a distribution and itself', async () => {
    const result = await compare(handMade, () => exact)
    expect(result.meanKl).toBeCloseTo(0, 6)
    expect(result.p99Kl).toBeCloseTo(0, 6)
    expect(result).toMatchObject({ positions: 4, sameTop1: 1 })
    expect(result.perplexity).toBeCloseTo((0.5 * 0.25 * 0.15 * 0.1) ** -0.25, 6)
    expect(result.perplexityRatio).toBeCloseTo(1, 6)
  })

  it('agrees with a divergence worked out by hand', async () => {
    const swapped = fromLogits([0.25, 0.5, 0.05, 0.2].map(Math.log))
    const result = await compare(handMade, (text, position) => (text === 1 && position === 2 ? swapped : exact))
    // 0.5 ln(0.5 / 0.25) + 0.25 ln(0.25 / 0.5) + 0.25 ln(0.25 / 0.25)
    expect(result.p99Kl).toBeCloseTo(0.25 * Math.LN2, 6)
    expect(result.meanKl).toBeCloseTo((0.25 * Math.LN2) / 4, 6)
    expect(result.sameTop1).toBe(0.75)
    expect(result.perplexityRatio).toBeCloseTo((0.1 / 0.2) ** 0.25, 6)
  })

  it('asks text by text, positions ascending, for each scored position once', async () => {
    const asked: number[][] = []
    await compare(handMade, async (text, position) => {
      asked.push([text, position])
      return exact
    })
    expect(asked).toEqual([
      [0, 1],
      [0, 2],
      [1, 1],
      [1, 2],
    ])
  })
})

describe('fromLogits', () => {
  it('normalizes logits of any offset', () => {
    const shifted = fromLogits([0.5, 0.25, 0.15, 0.1].map((p) => Math.log(p) + 80))
    for (const id of [0, 1, 2, 3]) expect(shifted.logprob(id)).toBeCloseTo(exact.logprob(id), 10)
    expect(shifted.top1).toBe(0)
  })
})

describe('the reference fixture', async () => {
  const reference = await readReference()
  const rows = reference.texts.length * reference.positions

  it('holds the tokens of every scored position', () => {
    for (const { tokens } of reference.texts) {
      expect(tokens.length).toBe(reference.firstPosition + reference.positions + 1)
      expect(Math.max(...tokens)).toBeLessThan(reference.vocabSize)
    }
    expect(rows).toBeGreaterThanOrEqual(2000)
  })

  it('holds distributions: descending, of total probability 1', () => {
    for (let row = 0; row < rows; row++) {
      const logprobs = reference.topLogprobs.subarray(row * reference.top, (row + 1) * reference.top)
      expect(logprobs).toEqual(logprobs.toSorted().reverse())
      const mass = logprobs.reduce((total, logprob) => total + Math.exp(logprob), Math.exp(reference.restLogprobs[row]))
      expect(mass).toBeCloseTo(1, 6)
    }
  })

  it('does not diverge from itself', async () => {
    const result = await compare(reference, itself(reference))
    expect(Math.abs(result.meanKl)).toBeLessThan(1e-7)
    expect(result.sameTop1).toBe(1)
    expect(result.perplexityRatio).toBeCloseTo(1, 9)
  })

  it('is refused when its two files do not belong together', () => {
    const json = JSON.stringify({ ...reference, topIds: 0, topLogprobs: 0, restLogprobs: 0, nextLogprobs: 0 })
    expect(() => parseReference(json, new Uint8Array(12))).toThrow(RangeError)
  })
})

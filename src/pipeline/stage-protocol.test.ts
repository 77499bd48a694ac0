import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { SliceQuery } from './head-slice.ts'
import { decodeAnswer, decodeQuery, encodeQuery } from './stage-protocol.ts'

it('brings a query and its vector across, whatever the length of the query', () => {
  const query: fc.Arbitrary<SliceQuery> = fc.record({
    adjustments: fc.array(fc.record({ id: fc.nat(), scale: fc.integer(), add: fc.integer() }), { maxLength: 3 }),
    temperature: fc.double({ min: 0, max: 2, noNaN: true }).map(Math.abs),
    top: fc.nat(),
    rawTop: fc.nat(),
  })
  const vector = fc.float32Array({ minLength: 1, maxLength: 9, noNaN: false })
  fc.assert(
    fc.property(query, vector, (query, hidden) => {
      const decoded = decodeQuery(encodeQuery(query, hidden).buffer)
      expect(decoded.query).toEqual(query)
      expect(decoded.hidden).toEqual(hidden)
    }),
    { seed: 1 },
  )
})

it('sends only its own part of a larger memory', () => {
  const memory = Float32Array.from({ length: 12 }, (_, i) => i)
  const query = { adjustments: [], temperature: 1, top: 1 }
  expect(decodeQuery(encodeQuery(query, memory.subarray(4, 8)).buffer).hidden).toEqual(Float32Array.of(4, 5, 6, 7))
})

it('shows logits that are not finite, though JSON has none, as NaN', () => {
  const sent = { ids: [3, 4], logits: [Number.NaN, 1], raw: [Infinity, 1], logSumExp: Number.NaN }
  const received = decodeAnswer(JSON.parse(JSON.stringify(sent)))
  expect(received).toEqual({ ids: [3, 4], logits: [NaN, 1], raw: [NaN, 1], logSumExp: NaN })
})

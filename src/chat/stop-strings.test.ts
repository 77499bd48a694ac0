import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { StopStrings } from './stop-strings.ts'

/** All text that is delivered, and what the last result said. */
function run(stops: string[], pieces: string[]) {
  const filter = new StopStrings(stops)
  let delivered = ''
  for (const piece of pieces) {
    const { text, stop } = filter.push(piece)
    delivered += text
    if (stop !== undefined) return { delivered, stop }
  }
  return { delivered: delivered + filter.flush(), stop: undefined }
}

/** The definition, on the whole text: the first place where a stop string ends, and where the longest such one starts. */
function naive(stops: string[], text: string) {
  for (let end = 1; end <= text.length; end++) {
    const ended = stops.filter((stop) => text.slice(0, end).endsWith(stop))
    if (ended.length > 0) {
      const stop = ended.reduce((longest, other) => (other.length > longest.length ? other : longest))
      return { delivered: text.slice(0, end - stop.length), stop }
    }
  }
  return { delivered: text, stop: undefined }
}

// Few letters, so that stop strings overlap each other and themselves.
const letters = fc.constantFrom('a', 'b', '\n', 'é', '😀')
const stops = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 4 }), { maxLength: 4 })
const pieces = fc.array(fc.string({ unit: letters, maxLength: 5 }), { maxLength: 12 })

test('agrees with a search of the whole text, however it is cut', () => {
  fc.assert(
    fc.property(stops, pieces, (stops, pieces) => {
      expect(run(stops, pieces)).toEqual(naive(stops, pieces.join('')))
    }),
    { seed: 20_240_501, numRuns: 3000 },
  )
})

test('holds back nothing but the beginning of a stop string', () => {
  fc.assert(
    fc.property(stops, pieces, (stops, pieces) => {
      const filter = new StopStrings(stops)
      let seen = ''
      let delivered = ''
      for (const piece of pieces) {
        const { text, stop } = filter.push(piece)
        if (stop !== undefined) return
        seen += piece
        delivered += text
        const held = seen.slice(delivered.length)
        expect(held === '' || stops.some((stop) => stop.startsWith(held) && stop !== held)).toBe(true)
      }
    }),
    { seed: 20_240_502, numRuns: 3000 },
  )
})

describe('examples', () => {
  test('a stop string across pieces', () => {
    const filter = new StopStrings(['\n\nUser:'])
    expect(filter.push('Yes.\n')).toEqual({ text: 'Yes.', stop: undefined })
    expect(filter.push('\nUse')).toEqual({ text: '', stop: undefined })
    expect(filter.push('r: more')).toEqual({ text: '', stop: '\n\nUser:' })
  })

  test('without stop strings everything passes at once', () => {
    expect(new StopStrings([]).push('anything')).toEqual({ text: 'anything', stop: undefined })
  })
})

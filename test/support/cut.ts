import fc from 'fast-check'

/** Where to cut a text, for any text. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })

/** The text in pieces that end at these fractions of it. */
export function cut(text: string, fractions: readonly number[]): string[] {
  const ends = [
    0,
    ...fractions.map((fraction) => Math.floor(fraction * text.length)).sort((a, b) => a - b),
    text.length,
  ]
  return ends.slice(1).map((end, i) => text.slice(ends[i], end))
}

/** By note: the reference from which its reader came, of several that it may have. */
const cameFrom = new WeakMap<Element, Element>()

/**
 * For clicks in an answer: a reference leads to its note, and a note's number back. The address of the page stays, and other answers have
 * notes of the same numbers.
 */
export function followNotes(event: Event): void {
  const link = (event.target as Element).closest('.footnote-reference, .footnote-number')
  if (!link) return
  event.preventDefault()
  const isReference = link.matches('.footnote-reference')
  const others = (event.currentTarget as Element).querySelectorAll<HTMLElement>(
    isReference ? '.footnote-number' : '.footnote-reference',
  )
  const ofNote = [...others].filter(({ textContent }) => textContent === link.textContent)
  const other = ofNote.find((one) => one === cameFrom.get(link)) ?? ofNote[0]
  if (!other) return
  if (isReference) cameFrom.set(other, link)
  // Keyboards and screen readers go on from there.
  other.focus({ preventScroll: true })
  other.scrollIntoView({ block: 'nearest' })
}

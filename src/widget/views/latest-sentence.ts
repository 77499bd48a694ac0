/** UTF-16 code units from the end in which the latest sentence is looked for. */
const WINDOW = 600

const sentences = new Intl.Segmenter(undefined, { granularity: 'sentence' })

/** The latest whole sentence of a growing text without its Markdown, or what there is of the first. */
export function latestSentence(text: string): string {
  const cut = text.length > WINDOW
  const found = [...sentences.segment(text.slice(-WINDOW))]
    .map(({ segment }) => plain(segment))
    .filter((sentence) => /\p{L}{2}|\p{Script=Han}/u.test(sentence))
  // The last is not whole yet, nor is the first where the window cuts it.
  return found.slice(cut ? 1 : 0, -1).at(-1) ?? found.at(-1) ?? ''
}

function plain(markdown: string): string {
  return markdown
    .replace(/^[\s>#*+-]+|[*`_]|\s+$/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}

import type { Random } from '../../src/generate/random.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** So many credentials that are none: each differs from a right one in a letter or two, its length, its case or the order of its parts. */
export function* wrongCredentials(right: readonly string[], count: number, random: Random): Generator<string> {
  const pick = (limit: number) => Math.floor(random() * limit)
  for (let made = 0; made < count; ) {
    const text = right[pick(right.length)]
    const changed = change(text, pick, right[pick(right.length)])
    if (right.includes(changed) || changed === '') continue
    yield changed
    made++
  }
}

function change(text: string, pick: (limit: number) => number, other: string): string {
  const at = pick(text.length)
  const letter = LETTERS[pick(LETTERS.length)]
  switch (pick(9)) {
    case 0:
      return text.slice(0, at) + letter + text.slice(at + 1)
    case 1:
      return text.slice(0, at) + text.slice(at + 1)
    case 2:
      return text.slice(0, at) + letter + text.slice(at)
    case 3:
      return text.slice(0, at)
    case 4:
      return text.slice(0, at) + other.slice(at)
    case 5:
      return text.slice(0, -1) + letter
    case 6:
      return (
        text.slice(0, at) +
        (text[at] === text[at].toUpperCase() ? text[at].toLowerCase() : text[at].toUpperCase()) +
        text.slice(at + 1)
      )
    case 7:
      return text.split('.').reverse().join('.')
    default:
      return text + LETTERS[pick(LETTERS.length)].repeat(1 + pick(600))
  }
}

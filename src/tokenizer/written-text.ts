import { Detokenizer } from './detokenizer.ts'
import type { Tokenizer } from './tokenizer.ts'

const spellingsOf = new WeakMap<Tokenizer, ReadonlyMap<number, string>>()

/** How an added token is written; undefined for all others. */
export function spelling(tokenizer: Tokenizer, id: number): string | undefined {
  let spellings = spellingsOf.get(tokenizer)
  if (!spellings) {
    spellings = new Map(tokenizer.addedTexts.map((text) => [tokenizer.addedToken(text)!, text]))
    spellingsOf.set(tokenizer, spellings)
  }
  return spellings.get(id)
}

/** The text of ids that are a whole text, control tokens as they are written: what encode makes these ids of, where there is such a text. */
export function writtenText(tokenizer: Tokenizer, ids: Iterable<number>): string {
  let detokenizer = new Detokenizer(tokenizer, null)
  let text = ''
  for (const id of ids) {
    const written = tokenizer.isSpecial(id) ? spelling(tokenizer, id) : undefined
    if (written === undefined) {
      text += detokenizer.push(id)
    } else {
      text += detokenizer.flush() + written
      detokenizer = new Detokenizer(tokenizer, id)
    }
  }
  return text + detokenizer.flush()
}

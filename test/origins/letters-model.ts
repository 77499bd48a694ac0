import { ByteTokenizer, EOS_ID } from '../support/fake-model.ts'

const CHARACTERS = ['a', 'b', ' ', '\n', 'é', '好', '😀'].map((character) => [...new TextEncoder().encode(character)])

/** The token after these ids: characters of one to four bytes by a hash of all ids before; any lost or doubled token shows. */
export function nextLetter(ids: readonly number[]): number {
  for (const bytes of CHARACTERS) {
    for (let length = bytes.length - 1; length > 0; length--) {
      const begun = bytes.slice(0, length)
      if (begun.every((byte, index) => ids.at(index - length) === byte)) return bytes[length]
    }
  }
  const hash = ids.reduce((sum, id) => (Math.imul(sum ^ id, 0x01000193) ^ (sum >>> 15)) >>> 0, 0x811c9dc5)
  return CHARACTERS[hash % CHARACTERS.length][0]
}

/** The same, with EOS after so many tokens in all. */
export function lettersUntil(length: number): (ids: readonly number[]) => number {
  return (ids) => (ids.length >= length ? EOS_ID : nextLetter(ids))
}

/** What comes after these ids, EOS not included. */
export function continuation(ids: readonly number[], count: number, next = nextLetter): number[] {
  const all = [...ids]
  while (all.length < ids.length + count) {
    const id = next(all)
    if (id === EOS_ID) break
    all.push(id)
  }
  return all.slice(ids.length)
}

export const tokenizer = new ByteTokenizer()
export const PROMPT = { text: 'Tell me: ', ids: tokenizer.encode('Tell me: ') }

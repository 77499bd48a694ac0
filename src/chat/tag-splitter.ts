import type { ChatLogprob } from './events.ts'
import type { Tag, Tags } from './tags.ts'

/** A token of an answer, from here or from elsewhere, and the text that it completes. */
export interface AnswerToken {
  /** undefined where only the text is known; then tags are found in the text. */
  readonly id: number | undefined
  readonly text: string
  /** Tokens that the text stands for; left out: one. */
  readonly count?: number
  readonly logprob?: ChatLogprob
}

/** Text, or a tag with its text; all texts in order are the text of the answer. */
export interface AnswerPart {
  readonly tag?: Tag
  readonly text: string
  readonly logprob?: ChatLogprob
}

/**
 * Parts an answer at its tags. In a token with an id only that says what is a tag: a model that spells '<think>' with other
 * tokens means the text. In text without ids, and where the model has no such tokens, every spelling is a tag, wherever the text is cut; what may
 * become one is held back.
 */
export class TagSplitter {
  readonly #tags: Tags
  readonly #texts: readonly Tag[]
  readonly #spelled: readonly Tag[]
  #held = ''

  /** @param spelled tags that are looked for in the text of tokens too. */
  constructor(tags: Tags, spelled: readonly Tag[]) {
    this.#tags = tags
    this.#texts = [...tags.values(), ...spelled]
    this.#spelled = spelled
  }

  push({ id, text, logprob }: AnswerToken): AnswerPart[] {
    if (id === undefined) return this.#split(text, this.#texts)
    const tag = this.#tags.get(id)
    // Which of its characters are of a tag is not known yet: its logprob comes at once.
    if (tag === undefined && this.#spelled.length > 0) {
      return [...(logprob ? [{ text: '', logprob }] : []), ...this.#split(text, this.#spelled)]
    }
    const parts = this.flush()
    if (tag === undefined) return [...parts, { text, logprob }]
    // The bytes of a character that was never finished come out with the token behind them, as U+FFFD.
    const before = text.slice(0, text.length - tag.length)
    return [...parts, ...textPart(before), { tag, text: tag, logprob }]
  }

  /** What was held back, when no text follows that could make a tag of it. */
  flush(): AnswerPart[] {
    const parts = textPart(this.#held)
    this.#held = ''
    return parts
  }

  #split(piece: string, tags: readonly Tag[]): AnswerPart[] {
    const parts: AnswerPart[] = []
    let rest = this.#held + piece
    for (;;) {
      const first = firstTag(rest, tags)
      if (!first) break
      parts.push(...textPart(rest.slice(0, first.start)), { tag: first.tag, text: first.tag })
      rest = rest.slice(first.start + first.tag.length)
    }
    const held = heldFrom(rest, tags)
    this.#held = rest.slice(held)
    return [...parts, ...textPart(rest.slice(0, held))]
  }
}

function firstTag(text: string, tags: readonly Tag[]): { tag: Tag; start: number } | undefined {
  const found = tags.map((tag) => ({ tag, start: text.indexOf(tag) })).filter(({ start }) => start >= 0)
  return found.sort((a, b) => a.start - b.start)[0]
}

/** Where an ending of the text that begins a tag starts. No tag holds a second '<'. */
function heldFrom(text: string, tags: readonly Tag[]): number {
  const start = text.lastIndexOf('<')
  return start >= 0 && tags.some((tag) => tag.startsWith(text.slice(start))) ? start : text.length
}

function textPart(text: string): AnswerPart[] {
  return text ? [{ text }] : []
}

import type { HistoryToken } from '../origin/history.ts'
import { Detokenizer } from '../tokenizer/detokenizer.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** Of the text before an id, enough for its last token: no added token of a chat is longer. */
const TAIL = 64

/** The text of an answer whose tokens are ids or text, in any order. */
export class AnswerText {
  readonly #tokenizer: Tokenizer
  #detokenizer: Detokenizer
  /** The end of the text since the last id. */
  #foreign = ''

  /** @param previous the last id of the prompt. */
  constructor(tokenizer: Tokenizer, previous: number) {
    this.#tokenizer = tokenizer
    this.#detokenizer = new Detokenizer(tokenizer, previous)
  }

  /** The characters that this token completes. */
  push(token: HistoryToken): string {
    if ('text' in token) {
      this.#foreign = (this.#foreign + token.text).slice(-TAIL)
      return token.text
    }
    if (this.#foreign) {
      // Whoever wrote the text began at a whole character: bytes that still wait are no part of it.
      this.#detokenizer = new Detokenizer(this.#tokenizer, this.#tokenizer.encode(this.#foreign).at(-1))
      this.#foreign = ''
    }
    return this.#detokenizer.push(token.id)
  }

  /** What the bytes of an unfinished character come to when nothing follows. */
  flush(): string {
    return this.#foreign ? '' : this.#detokenizer.flush()
  }
}

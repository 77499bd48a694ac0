import type { Tokenizer } from './tokenizer.ts'

const SPACE = 0x20

/**
 * Text of token ids that arrive one at a time. Only whole characters come out: the bytes of an unfinished one wait for
 * the next token, and bytes that cannot be UTF-8 come out as U+FFFD, as from a streaming TextDecoder.
 *
 * Where encode puts a space that is not in the text (`addsSpaceAfter`: byte-fallback vocabularies, at the start of a text
 * and after an added token), one leading space is dropped, so that text is exactly what encode would make these ids of.
 * Nothing is dropped anywhere else: " world" after "Hello" keeps its space.
 */
export class Detokenizer {
  readonly #tokenizer: Tokenizer
  readonly #decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
  #dropSpace: boolean

  /**
   * @param previous the id before the first one pushed: when generating, the last of the prompt. null: the ids are a text
   * from its start. Left out: the ids go on in the middle of running text.
   */
  constructor(tokenizer: Tokenizer, previous?: number | null) {
    this.#tokenizer = tokenizer
    this.#dropSpace = previous !== undefined && tokenizer.addsSpaceAfter(previous)
  }

  /** The characters that this token completes; '' for special tokens. */
  push(id: number): string {
    let bytes = this.#tokenizer.bytes(id)
    const separates = this.#tokenizer.addsSpaceAfter(id)
    if (separates) {
      this.#dropSpace = true
    } else if (bytes.length > 0) {
      if (this.#dropSpace && bytes[0] === SPACE) bytes = bytes.subarray(1)
      this.#dropSpace = false
    }
    return this.#decoder.decode(bytes, { stream: true })
  }

  /** What the held bytes come to when nothing follows: '' or U+FFFD. */
  flush(): string {
    return this.#decoder.decode()
  }
}

/** The text of ids that are a whole text. */
export function decode(tokenizer: Tokenizer, ids: Iterable<number>): string {
  const detokenizer = new Detokenizer(tokenizer, null)
  let text = ''
  for (const id of ids) text += detokenizer.push(id)
  return text + detokenizer.flush()
}

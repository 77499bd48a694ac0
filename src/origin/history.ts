import type { TokenLogprobs } from '../generate/types.ts'
import { Detokenizer } from '../tokenizer/detokenizer.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** A generated token, or text of an origin whose ids are not ours; `count`: the tokens that the origin counts for it. */
export type HistoryToken =
  | { readonly id: number; readonly logprobs: TokenLogprobs | undefined }
  | { readonly text: string; readonly count: number }

export interface Prompt {
  readonly ids: readonly number[]
  /**
   * The rendered template that the ids were made of; undefined where whoever encodes it would get other ids, since a message is written
   * like a control token.
   */
  readonly text: string | undefined
}

/** A prompt and all that was generated after it, as ids and as text: what whoever goes on has to know. */
export class History {
  readonly #tokenizer: Tokenizer
  readonly #prompt: Prompt
  readonly #tokens: HistoryToken[]
  #length: number

  constructor(tokenizer: Tokenizer, prompt: Prompt, tokens: readonly HistoryToken[] = []) {
    this.#tokenizer = tokenizer
    this.#prompt = prompt
    this.#tokens = [...tokens]
    this.#length = tokens.reduce((sum, token) => sum + countOf(token), 0)
  }

  /** Tokens generated so far. */
  get length(): number {
    return this.#length
  }

  get promptLength(): number {
    return this.#prompt.ids.length
  }

  /** false: whoever takes text cannot be told this prompt. */
  get hasText(): boolean {
    return this.#prompt.text !== undefined
  }

  push(token: HistoryToken): void {
    this.#tokens.push(token)
    this.#length += countOf(token)
  }

  /** This history with more tokens; the two share nothing that changes. */
  with(tokens: readonly HistoryToken[]): History {
    return new History(this.#tokenizer, this.#prompt, [...this.#tokens, ...tokens])
  }

  /** Prompt and generated ids. Exact unless text of foreign tokens is among them: then all of the text is encoded anew. */
  ids(): number[] {
    const { ids, text } = this.#prompt
    if (this.#tokens.every((token) => 'id' in token)) return [...ids, ...this.#tokens.map(({ id }) => id)]
    const generated = this.#generatedText().text
    // Where the prompt has no text, no origin that writes text was asked.
    if (text === undefined) return [...ids, ...this.#tokenizer.encode(generated)]
    const prompt = this.#tokenizer.encode(text)
    // What the template does not write, as a BOS token.
    const added = ids.slice(0, Math.max(0, ids.length - prompt.length))
    return [...added, ...this.#tokenizer.encode(text + generated)]
  }

  /**
   * Prompt and generated text; undefined where no text says what the ids do: the last character is not whole yet, or words, the prompt's or
   * the model's, are written like a control token.
   */
  text(): string | undefined {
    const { text, whole } = this.#generatedText()
    const isExact = whole && this.#prompt.text !== undefined && this.#hasTagsOf(text)
    return isExact ? this.#prompt.text + text : undefined
  }

  /** The control tokens that can be seen in the text are those that were generated. Text of others has the tags that it is read with. */
  #hasTagsOf(text: string): boolean {
    const tokenizer = this.#tokenizer
    const ids = this.#tokens.map((token) => ('id' in token ? token.id : undefined))
    if (ids.includes(undefined)) return true
    const tags = new Set(tokenizer.addedTexts.map((added) => tokenizer.addedToken(added)))
    const own = ids.filter((id) => tags.has(id) && !tokenizer.isSpecial(id!))
    const read = tokenizer.encode(text).filter((id) => tags.has(id))
    return own.length === read.length && own.every((id, index) => id === read[index])
  }

  #generatedText() {
    const detokenizer = new Detokenizer(this.#tokenizer, this.#prompt.ids.at(-1))
    let text = ''
    for (const token of this.#tokens) text += 'id' in token ? detokenizer.push(token.id) : token.text
    return { text, whole: detokenizer.flush() === '' }
  }
}

function countOf(token: HistoryToken): number {
  return 'id' in token ? 1 : token.count
}

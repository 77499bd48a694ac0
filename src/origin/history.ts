import type { TokenLogprobs } from '../generate/types.ts'
import { Detokenizer } from '../tokenizer/detokenizer.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'

/** A generated token, or text of an origin whose ids are not ours; `count`: the tokens that the origin counts for it. */
export type OriginToken =
  | { readonly id: number; readonly logprobs: TokenLogprobs | undefined }
  | { readonly text: string; readonly count: number }

export interface Prompt {
  readonly ids: readonly number[]
  /** The rendered template that the ids were made of. */
  readonly text: string
}

/** A prompt and all that was generated after it, as ids and as text: what whoever goes on has to know. */
export class History {
  readonly #tokenizer: Tokenizer
  readonly #prompt: Prompt
  readonly #tokens: OriginToken[]
  #length: number

  constructor(tokenizer: Tokenizer, prompt: Prompt, tokens: readonly OriginToken[] = []) {
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

  push(token: OriginToken): void {
    this.#tokens.push(token)
    this.#length += countOf(token)
  }

  /** This history with more tokens; the two share nothing that changes. */
  with(tokens: readonly OriginToken[]): History {
    return new History(this.#tokenizer, this.#prompt, [...this.#tokens, ...tokens])
  }

  /** Prompt and generated ids. Exact unless text of foreign tokens is among them: then all of the text is encoded anew. */
  ids(): number[] {
    const { ids } = this.#prompt
    if (this.#tokens.every((token) => 'id' in token)) return [...ids, ...this.#tokens.map(({ id }) => id)]
    const prompt = this.#tokenizer.encode(this.#prompt.text)
    // What the template does not write, as a BOS token.
    const added = ids.slice(0, Math.max(0, ids.length - prompt.length))
    return [...added, ...this.#tokenizer.encode(this.#prompt.text + this.#generatedText().text)]
  }

  /** Prompt and generated text; undefined while the last character is not whole, which no text can say. */
  text(): string | undefined {
    const { text, whole } = this.#generatedText()
    return whole ? this.#prompt.text + text : undefined
  }

  #generatedText() {
    const detokenizer = new Detokenizer(this.#tokenizer, this.#prompt.ids.at(-1))
    let text = ''
    for (const token of this.#tokens) text += 'id' in token ? detokenizer.push(token.id) : token.text
    return { text, whole: detokenizer.flush() === '' }
  }
}

function countOf(token: OriginToken): number {
  return 'id' in token ? 1 : token.count
}

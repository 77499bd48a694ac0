import { has } from '../generate/token-mask.ts'
import type { Dialect } from '../grammar/print-class.ts'
import type { OpenGrammar } from '../origin/open-grammar.ts'
import { Detokenizer } from '../tokenizer/detokenizer.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { AnswerGrammar, Stretch } from './answer-grammar.ts'

/**
 * An answer's grammar as an origin can hold to it: EBNF of all that may follow in the content, or in a call. Of what stands around these an origin
 * knows nothing. What must come is put in for it, and where one of several things may come it goes on free, with its tokens looked at.
 */
export class GrammarAtOrigin {
  readonly #answer: AnswerGrammar
  readonly #tokenizer: Tokenizer
  readonly #eosIds: readonly number[]
  /** As templates write them between reasoning and answer. */
  readonly #newlines: readonly number[]
  #open: { readonly stretch: Stretch; readonly grammar: OpenGrammar } | undefined

  constructor(answer: AnswerGrammar, tokenizer: Tokenizer, eosIds: readonly number[]) {
    this.#answer = answer
    this.#tokenizer = tokenizer
    this.#eosIds = eosIds
    this.#newlines = tokenizer.encode('</think>\n\n').slice(tokenizer.encode('</think>').length)
  }

  /** The same one from the beginning of a text to its end. */
  open(): OpenGrammar | undefined {
    const { stretch } = this.#answer
    if (!stretch) return undefined
    if (this.#open?.stretch !== stretch) this.#open = { stretch, grammar: this.#of(stretch) }
    return this.#open.grammar
  }

  /** What comes next, where it must come. @param ended an origin has ended the text that it was asked for. */
  forced(ended: boolean): readonly number[] {
    const { callTags, mustBegin, mustClose, isUnframed, phase, onlyCalls } = this.#answer
    if (mustClose || (phase === 'call' && ended && this.#allows([callTags.close!]))) return [callTags.close!]
    if (!mustBegin) return []
    return [...(isUnframed ? this.#newlines : []), ...(onlyCalls ? [callTags.open!] : [])]
  }

  /** Whether text without ids may come next: no grammar follows it, but it may reason. */
  allowsText(text: string): boolean {
    const { phase } = this.#answer
    return (
      phase === 'reasoning' || this.#answer.allowed() === undefined || (phase === 'start' && /^\s*<think>/.test(text))
    )
  }

  #of({ grammar, ids, previous }: Stretch): OpenGrammar {
    const tokenizer = this.#tokenizer
    const allows = (id: number) => this.#allows([id])
    const mayEnd = () => this.#allows(this.#answer.phase === 'call' ? [this.#answer.callTags.close!] : this.#eosIds)
    let known: { readonly length: number; readonly dialect: Dialect; readonly rest: string | undefined } | undefined
    return {
      allows,
      get mayEnd() {
        return mayEnd()
      },
      rest(dialect) {
        if (known?.length !== ids.length || known.dialect !== dialect) {
          const detokenizer = new Detokenizer(tokenizer, previous)
          const begun = ids.map((id) => detokenizer.push(id)).join('')
          // Inside a character no text says what follows.
          const rest = detokenizer.flush() === '' ? grammar.rest(begun, dialect) : undefined
          known = { length: ids.length, dialect, rest }
        }
        return known.rest
      },
    }
  }

  #allows(ids: readonly number[]): boolean {
    const mask = this.#answer.allowed()
    return !mask || ids.some((id) => has(mask, id))
  }
}

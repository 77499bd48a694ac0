import type { Steering } from '../generate/types.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { AnswerParser } from './answer-parser.ts'

const SPACE = 0x20
/** Tokens that may finish a character begun within the budget: UTF-8 has up to four bytes. */
const MAX_REST_OF_CHARACTER = 3

/**
 * Ends reasoning that has spent its budget, as the model itself would have: '\n</think>\n\n', no other word. The tokens of this come on top
 * of the budget. Reasoning is not opened again after that. A budget of 0 puts empty reasoning before the answer, in the form that
 * Nanbeige's template gives to a message without any.
 */
export class ReasoningBudget implements Steering {
  readonly #parser: AnswerParser
  readonly #budget: () => number
  readonly #open: number
  readonly #empty: readonly number[]
  readonly #newline: readonly number[]
  readonly #close: readonly number[]
  readonly #opensAnswer: boolean
  /** Tokens of reasoning after which it was ended from outside. */
  #endedAt = Number.POSITIVE_INFINITY
  readonly #hurried = Promise.withResolvers<void>()

  /**
   * @param budget tokens of reasoning, its opening tag among them; asked before every token. @param tokenizer one with reasoning tags.
   * @param opensAnswer false: the first token goes on with a message that has begun, where empty reasoning has no place.
   */
  constructor(budget: () => number, parser: AnswerParser, tokenizer: Tokenizer, opensAnswer = true) {
    this.#budget = budget
    this.#opensAnswer = opensAnswer
    this.#parser = parser
    this.#open = tokenizer.addedToken('<think>')!
    this.#empty = tokenizer.encode('<think>\n\n</think>\n\n')
    this.#newline = runningText(tokenizer, '\n')
    this.#close = tokenizer.encode('</think>\n\n')
  }

  /**
   * The budget is spent now: reasoning that goes on is closed, and an answer that has not begun gets none. false: the answer is behind its
   * reasoning, or has none.
   */
  endNow(): boolean {
    const { inReasoning, reasoningTokens } = this.#parser
    if (!inReasoning && !this.#opens) return false
    this.#endedAt = Math.min(this.#endedAt, reasoningTokens)
    this.#hurried.resolve()
    return true
  }

  /** Resolves when it was ended from outside: what is waited for need not be. */
  get hurried(): Promise<void> {
    return this.#hurried.promise
  }

  forced(): readonly number[] {
    const { inReasoning, lastText } = this.#parser
    if (!inReasoning) return this.#opens && this.#limit === 0 ? this.#empty : []
    if (!this.#spent || this.#mayFinishCharacter) return []
    return lastText?.endsWith('\n') ? this.#close : [...this.#newline, ...this.#close]
  }

  banned(): readonly number[] {
    return this.#spent ? [this.#open] : []
  }

  /** The next token is the answer's first. */
  get #opens(): boolean {
    return this.#opensAnswer && this.#parser.lastText === undefined
  }

  get #limit(): number {
    return Math.min(this.#budget(), this.#endedAt)
  }

  get #spent(): boolean {
    return this.#parser.reasoningTokens >= this.#limit
  }

  get #mayFinishCharacter(): boolean {
    const { lastText, reasoningTokens } = this.#parser
    return lastText === '' && reasoningTokens < this.#limit + MAX_REST_OF_CHARACTER
  }
}

/** Ids of a text that other text precedes: without the space that some tokenizers put before the first word. */
function runningText(tokenizer: Tokenizer, text: string): number[] {
  const ids = tokenizer.encode(text)
  const [first] = tokenizer.bytes(ids[0])
  const spaceAdded = tokenizer.addsSpaceAfter(null) && tokenizer.bytes(ids[0]).length === 1 && first === SPACE
  return spaceAdded ? ids.slice(1) : ids
}

import { LoopWatch } from '../generate/loop-watch.ts'
import type { HistoryToken } from '../origin/history.ts'
import type { Rescue, Source } from '../route/source.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { AnswerParser } from './answer-parser.ts'
import type { ReasoningBudget } from './reasoning-budget.ts'

/** How much more than a thought an answer may repeat itself: it may be asked to. */
const ANSWER_PATIENCE = 4
/** … word by word, before it is ended. */
const END_PATIENCE = 8
/** More patience after each rescue: who goes on from a loop needs a while to leave it. */
const SECOND_CHANCE = 0.5

interface LoopRescueOptions {
  readonly parser: AnswerParser
  /** undefined: the model does not think. */
  readonly budget: ReasoningBudget | undefined
  readonly tokenizer: Tokenizer
  /** A grammar holds what is not thought. */
  readonly isHeld: boolean
  /** An origin would take over. */
  readonly canMove: () => boolean
}

/**
 * Gets an answer out of a loop: an origin goes on where there is one, or its thinking is closed. An answer behind its thinking is ended, when
 * it has said the very same for long. Calls and what a grammar holds may have to repeat themselves, and are let alone.
 */
export class LoopRescue {
  readonly #options: LoopRescueOptions
  readonly #watch = new LoopWatch()
  readonly #words = new Words()
  #place: 'thought' | 'answer' | undefined
  #rescues = 0
  #leaves = false

  constructor(options: LoopRescueOptions) {
    this.#options = options
  }

  /** The edge has to leave the answer to an origin. */
  get leavesEdge(): boolean {
    return this.#leaves
  }

  /** Takes note of a token, which the parser has read. What is done about a loop that it is found in; mostly nothing. */
  push(token: HistoryToken, source: Source): Rescue | undefined {
    const { parser, isHeld, tokenizer } = this.#options
    this.#leaves = false
    const place = parser.inReasoning ? 'thought' : isHeld || parser.inToolCall ? undefined : 'answer'
    if (place !== this.#place) this.#watch.reset()
    this.#place = place
    if (!place) return undefined
    if ('id' in token) this.#watch.push(token.id, isWord(tokenizer.bytes(token.id)))
    else for (const word of this.#words.push(token.text)) this.#watch.push(hash(word), WORD.test(word))
    // Who takes text can go on between characters only.
    const rescue = parser.lastText === '' ? undefined : this.#rescue(place, source)
    if (rescue) this.#rescues++
    return rescue
  }

  #rescue(place: 'thought' | 'answer', source: Source): Rescue | undefined {
    const { budget, canMove } = this.#options
    const patience = 1 + SECOND_CHANCE * this.#rescues
    if (!this.#watch.isLoop(place === 'thought' ? patience : ANSWER_PATIENCE * patience)) return undefined
    if (source === 'edge' && this.#rescues === 0 && canMove()) {
      this.#leaves = true
      return 'origin'
    }
    if (place === 'thought') return budget?.endNow() ? 'answer' : undefined
    return this.#watch.isExactLoop(END_PATIENCE) ? 'end' : undefined
  }
}

/** A word behind a space, or letters beyond ASCII, which many tokenizers cut anywhere. */
export function isWord(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x20) return bytes[0] >= 0x80
  const lower = bytes[1] | 0x20
  return bytes[1] >= 0x80 || (lower >= 0x61 && lower <= 0x7a)
}

const PIECES = /\p{Script=Han}|\p{L}+|\p{N}|\s+|./gsu
const WORD = /^\p{L}/u

/** Cuts text that comes in any pieces into the same words. */
class Words {
  #rest = ''

  push(text: string): string[] {
    const words = (this.#rest + text).match(PIECES) ?? []
    // It may go on.
    this.#rest = words.pop() ?? ''
    return words
  }
}

function hash(text: string): number {
  let value = 0
  for (let i = 0; i < text.length; i++) value = (Math.imul(value, 31) + text.charCodeAt(i)) | 0
  return value
}

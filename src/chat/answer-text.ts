import type { ChatEvent, ChatLogprob } from './events.ts'
import { PendingLogprobs } from './logprobs.ts'
import { StopStrings } from './stop-strings.ts'

/** From the pieces of the detokenizer to content events: ends at stop strings, keeps logprobs with their text. */
export class AnswerText {
  readonly #stopStrings: StopStrings
  readonly #logprobs = new PendingLogprobs()
  #stopped = false

  constructor(stop: readonly string[]) {
    this.#stopStrings = new StopStrings(stop)
  }

  /** A stop string was found: there will be no more text. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** The text that one token added, and its logprobs. */
  push(piece: string, logprob: ChatLogprob | undefined): ChatEvent[] {
    this.#logprobs.add(logprob, piece)
    return this.#deliver(piece)
  }

  /** The last text of the detokenizer, and all that was held back. */
  finish(piece: string): ChatEvent[] {
    if (this.#stopped) return []
    const events = this.#deliver(piece)
    return this.#stopped ? events : [...events, ...content(this.#stopStrings.flush(), this.#logprobs.flush())]
  }

  #deliver(piece: string): ChatEvent[] {
    const { text, stopped } = this.#stopStrings.push(piece)
    this.#stopped = stopped
    return content(text, this.#logprobs.deliver(text.length))
  }
}

function content(text: string, logprobs: ChatLogprob[]): ChatEvent[] {
  if (logprobs.length > 0) return [{ type: 'content', text, logprobs }]
  return text ? [{ type: 'content', text }] : []
}

import type { ChatEvent, ChatLogprob } from './events.ts'
import { FramedText } from './framed-text.ts'
import { PendingLogprobs } from './logprobs.ts'
import { StopStrings } from './stop-strings.ts'

/** From the pieces of the content to its events: ends at stop strings, keeps logprobs with their text. */
export class ContentText {
  readonly #stopStrings: StopStrings
  readonly #frame: FramedText
  readonly #logprobs = new PendingLogprobs()
  #stopString: string | undefined

  constructor(stop: readonly string[], tagMayFollow: boolean) {
    this.#stopStrings = new StopStrings(stop)
    this.#frame = new FramedText(false, tagMayFollow)
  }

  /** The stop string that was found: there will be no more text. */
  get stopString(): string | undefined {
    return this.#stopString
  }

  get #stopped(): boolean {
    return this.#stopString !== undefined
  }

  /** The text that one token added, and its logprobs; undefined where it is nothing but newlines after a tag, left out. */
  push(piece: string, logprob: ChatLogprob | undefined): ChatEvent[] | undefined {
    if (this.#stopped) return []
    const kept = this.#frame.withoutLead(piece)
    if (piece !== '' && kept === '') return undefined
    this.#logprobs.add(logprob, kept)
    const { text, stop } = this.#stopStrings.push(kept)
    this.#stopString = stop
    return this.#deliver(this.#frame.release(text) + (this.#stopped ? this.#frame.end() : ''))
  }

  /** A tag follows: what stands before it is not the beginning of a stop string. */
  tag(): ChatEvent[] {
    const events = this.#deliver(this.#frame.release(this.#stopStrings.flush()))
    this.#frame.tag()
    return events
  }

  /** The answer ends: all that was held back. */
  finish(): ChatEvent[] {
    if (this.#stopped) return []
    const text = this.#frame.release(this.#stopStrings.flush()) + this.#frame.end()
    const logprobs = this.#logprobs.deliver(text.length)
    // Behind a tag the rest are those of newlines that nobody sees.
    return content(text, this.#frame.afterTag ? logprobs : [...logprobs, ...this.#logprobs.flush()])
  }

  #deliver(text: string): ChatEvent[] {
    return content(text, this.#logprobs.deliver(text.length))
  }
}

function content(text: string, logprobs: ChatLogprob[]): ChatEvent[] {
  if (logprobs.length > 0) return [{ type: 'content', text, logprobs }]
  return text ? [{ type: 'content', text }] : []
}

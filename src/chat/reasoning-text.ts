import type { ChatEvent, ChatLogprob } from './events.ts'
import { FramedText } from './framed-text.ts'

/** From the pieces of the reasoning to its events. Every token's logprobs come at once, those of tags and newlines too. */
export class ReasoningText {
  readonly #frame = new FramedText(true, true)

  push(text: string, logprob: ChatLogprob | undefined): ChatEvent[] {
    return reasoning(this.#frame.release(this.#frame.withoutLead(text)), logprob)
  }

  /** A tag that opens or closes reasoning, or newlines that frame it from without. */
  frame(logprob: ChatLogprob | undefined): ChatEvent[] {
    this.#frame.tag()
    return reasoning('', logprob)
  }

  /** The answer ends. */
  finish(): ChatEvent[] {
    return reasoning(this.#frame.end(), undefined)
  }
}

function reasoning(text: string, logprob: ChatLogprob | undefined): ChatEvent[] {
  if (logprob) return [{ type: 'reasoning', text, logprobs: [logprob] }]
  return text ? [{ type: 'reasoning', text }] : []
}

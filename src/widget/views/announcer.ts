import { tokensOf } from '../growing.ts'
import type { Texts } from '../texts.ts'
import type { AssistantTurn, Turn } from '../turns.ts'
import { isThinking, isUnderWay } from './spans.ts'

/** What a screen reader says of an answer, each thing once: not its tokens. */
export class Announcer {
  #answer: AssistantTurn | undefined
  #said = ''

  /** @returns the newest thing to say; it stays until there is another */
  say(turn: Turn | undefined, texts: Texts): string {
    const before = this.#answer
    this.#answer = turn?.role === 'assistant' ? turn : undefined
    if (this.#answer === undefined) return this.#said
    const same = before?.id === this.#answer.id ? before : undefined
    const news = this.#news(same, this.#answer, texts)
    if (news !== undefined) this.#said = news
    return this.#said
  }

  #news(before: AssistantTurn | undefined, turn: AssistantTurn, texts: Texts): string | undefined {
    const began = (happens: (turn: AssistantTurn) => boolean) => happens(turn) && !(before && happens(before))
    if (!isUnderWay(turn)) {
      if (before === undefined || !isUnderWay(before)) return undefined
      if (turn.state === 'done') return texts.done
      return turn.state === 'failed' ? undefined : texts[turn.state as 'stopped' | 'cut']
    }
    if (began(({ state }) => state === 'reconnecting')) return texts.reconnecting(tokensOf(turn))
    if (began(({ moving }) => moving)) return texts.movingTo(texts.gpu)
    if (turn.events.length > (before?.events.length ?? 0)) return texts[turn.events.at(-1)!]
    if (began(isThinking)) return texts.thinking
    if (began(({ content }) => content !== '')) return texts.answering
    return undefined
  }
}

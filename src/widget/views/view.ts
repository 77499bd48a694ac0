import type { Texts } from '../texts.ts'
import type { Decision } from '../tools.ts'
import type { Reader } from './reader.ts'

/** What a reader can do with turns. */
export interface TurnActions {
  answerNow(): void
  /** Asks the last question again. */
  retry(): void
  regenerate(id: string): void
  edit(id: string, content: string): void
  /** @param branch 0-based */
  switchBranch(id: string, branch: number): void
  continueAnswer(id: string): void
  remove(id: string): void
  decide(id: string, callId: string, decision: Decision): void
  /** Asks again with another API key. */
  setKey(key: string): void
  /** In a new conversation that begins with what this one said. */
  startAnew(): void
  /** Asks again without the oldest turns. */
  dropOldest(): void
}

/** What every view is given beside what it shows. */
export interface View {
  readonly texts: Texts
  readonly actions: TurnActions
  readonly reader: Reader
  /** As Date.now() counts; it moves on once a second while something is under way. */
  readonly now: number
  /** Whether thoughts are open while they come, for a reader who has said nothing. */
  readonly openThoughts: boolean
}

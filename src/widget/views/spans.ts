import { speed, tokensOf } from '../growing.ts'
import type { Texts } from '../texts.ts'
import type { AssistantTurn } from '../turns.ts'

/** Whether an answer is being made. */
export function isUnderWay({ state }: AssistantTurn): boolean {
  return state === 'waiting' || state === 'streaming' || state === 'reconnecting'
}

/** Whether the model thinks at this moment. */
export function isThinking(turn: AssistantTurn): boolean {
  return (
    isUnderWay(turn) &&
    turn.state !== 'waiting' &&
    turn.reasoning !== '' &&
    turn.thoughtAt === undefined &&
    turn.content === ''
  )
}

/** How long the model has thought, in ms. */
export function thinkingTime(turn: AssistantTurn, now: number): number {
  return (turn.thoughtAt ?? turn.endedAt ?? now) - (turn.firstTokenAt ?? now)
}

/** How long an answer has taken from the question on, in ms. */
export function totalTime(turn: AssistantTurn, now: number): number {
  return (turn.endedAt ?? now) - turn.createdAt
}

/** "240 ms", "42 s", "1 min 12 s" */
export function timeInWords(ms: number, texts: Texts): string {
  return ms < 1000 ? texts.milliseconds(ms) : texts.duration(ms)
}

/** Tokens a second from the first token on; undefined where too little is known. */
export function meanSpeed(turn: AssistantTurn, now: number): number | undefined {
  if (turn.firstTokenAt === undefined) return undefined
  const ms = (turn.endedAt ?? now) - turn.firstTokenAt
  const tokens = tokensOf(turn)
  return ms >= 500 && tokens > 1 ? ((tokens - 1) * 1000) / ms : undefined
}

/** Tokens a second of who makes them now; undefined in the first second. */
export function speedNow(turn: AssistantTurn, now: number): number | undefined {
  const since = turn.moves.at(-1)?.time ?? turn.firstTokenAt
  return since !== undefined && now - since >= 1000 ? speed(turn, now) : undefined
}

import { AnswerError } from './answer-error.ts'
import { ended, grow, hasText, newAnswer } from './growing.ts'
import { requestBody } from './request-body.ts'
import { pause, steadyAnswer } from './resuming.ts'
import type { Room } from './room.ts'
import { callTools } from './tools.ts'
import { inContext, type TurnTree } from './turn-tree.ts'
import { type AssistantTurn, isUnfinished, type Turn, type TurnError } from './turns.ts'

/** A server that is busy for longer is not waited for. */
const LONGEST_WAIT_MS = 10 * 60_000

/** Reason of a signal: the element is gone and may come back; the server goes on. Others stop the answer. */
export const LEFT = 'left'

export interface AnswerRun {
  readonly room: Room
  readonly tree: TurnTree
  readonly summary: string | undefined
  readonly signal: AbortSignal
  /** Older turns are left out until the rest has room. */
  readonly dropOldest?: boolean
  /** Shows and saves a turn. `soon`: more of it is on its way. */
  put(turn: AssistantTurn, soon?: boolean): void
  /** Is called in the moment in which the run looks at its turn for the last time. */
  over(): void
}

/** Brings an answer to its end, with the rounds of tools that it asks for. What goes wrong stands in the turn. */
export async function runAnswer(id: string, run: AnswerRun): Promise<void> {
  const { tree, signal, put } = run
  let turn = tree.get(id) as AssistantTurn
  try {
    for (;;) {
      if (turn.state !== 'done') await streamTurn(turn, run)
      turn = tree.get(turn.id) as AssistantTurn
      if (turn?.state !== 'done' || turn.toolCalls.length === 0 || signal.aborted) return
      await callTools(turn, run)
      turn = tree.get(turn.id) as AssistantTurn
      // The reader has allowed it meanwhile.
      if (turn.toolCalls.some(({ state }) => state === 'running')) continue
      if (signal.aborted || turn.toolCalls.some(({ state }) => state === 'asking')) return
      turn = newAnswer(turn.id, Date.now())
      put(turn)
    }
  } finally {
    run.over()
  }
}

async function streamTurn(from: AssistantTurn, run: AnswerRun): Promise<void> {
  const { tree, room, signal, put } = run
  const before = tree.pathTo(from.id).slice(0, -1)
  let turn = (run.dropOldest && withLess(from, before)) || from
  for (;;) {
    try {
      for await (const chunk of steadyAnswer(room.server, sourceOf(turn, before, run), signal)) {
        const old = turn
        turn = grow(old, chunk, Date.now())
        // Where to come back to is known with the first event; the next saving may be too late.
        put(turn, old.completion?.id === turn.completion?.id && old.state === turn.state)
        tell(old, turn, room)
      }
      turn = isUnfinished(turn) ? ended(turn, 'done') : turn
      put(turn)
      return room.tell({ type: 'finish', turn })
    } catch (cause) {
      const canBeTakenUp = turn.completion?.lastEventId !== undefined || turn.state === 'waiting'
      if (signal.reason === LEFT && canBeTakenUp) return put(turn)
      if (signal.aborted || (cause instanceof AnswerError && cause.code === 'cancelled')) {
        turn = ended(turn, 'stopped')
        put(turn)
        return room.tell({ type: 'finish', turn })
      }
      const error = turnError(cause)
      const less = run.dropOldest && error.kind === 'context' ? withLess(turn, before) : undefined
      if (less) {
        turn = less
      } else if (error.retryAt !== undefined && turn.state === 'waiting') {
        turn = { ...turn, completion: undefined, error }
        put(turn)
        await pause(Math.max(0, error.retryAt - Date.now()), signal).catch(() => {})
      } else {
        // The rest of an answer that had begun is lost; the model can go on from what there is.
        const told = error.kind === 'connection' && hasText(turn) ? ({ ...error, kind: 'lost' } as const) : error
        turn = { ...ended(turn, 'failed'), error: told }
        put(turn)
        return room.tell({ type: 'error', turn, error: told })
      }
    }
  }
}

/** Where the turn is taken up, or the body that asks for it. */
function sourceOf(turn: AssistantTurn, before: readonly Turn[], { room, summary }: AnswerRun) {
  if (turn.completion?.lastEventId !== undefined) return { place: turn.completion }
  const { settings, tools } = room
  return { body: requestBody({ before, answer: turn, settings, tools, summary }) }
}

function tell(old: AssistantTurn, turn: AssistantTurn, room: Room): void {
  if (old.reasoning === '' && turn.reasoning !== '') room.tell({ type: 'reasoning', turn })
  for (const move of turn.moves.slice(old.moves.length)) room.tell({ type: 'handover', turn, move })
}

/** The turn, sent half of the questions before it; undefined: there is only one. */
function withLess(turn: AssistantTurn, before: readonly Turn[]): AssistantTurn | undefined {
  const questions = inContext([...before, turn]).filter(({ role }) => role === 'user')
  if (questions.length < 2) return undefined
  return { ...turn, contextFrom: questions[Math.floor(questions.length / 2)].id }
}

const UNREACHED = new Set(['unreachable', 'interrupted', 'incomplete'])

export function turnError(cause: unknown): TurnError {
  if (!(cause instanceof AnswerError)) {
    console.error(cause)
    return { code: 'unreadable', message: 'The answer of the server cannot be read.', kind: 'other' }
  }
  const { code, message, byServer, status, retryAfterMs } = cause
  const retryAt = retryAfterMs === undefined || retryAfterMs > LONGEST_WAIT_MS ? undefined : Date.now() + retryAfterMs
  return { code, message, byServer, kind: kindOf(code, status), retryAt }
}

function kindOf(code: string, status: number | undefined): TurnError['kind'] {
  if (status === 401 || code === 'no_token') return 'key'
  if (code === 'context_length_exceeded') return 'context'
  if (code === 'completion_lost') return 'lost'
  if (status === 429 || status === 503) return 'busy'
  return UNREACHED.has(code) ? 'connection' : 'other'
}

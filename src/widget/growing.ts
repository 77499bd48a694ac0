import type { AnswerEvent } from './answer-chunks.ts'
import type { SteadyChunk } from './resuming.ts'
import { type AssistantTurn, type Counted, isUnfinished, newId, type ToolCall, type Turn } from './turns.ts'

/** An answer before its first token. */
export function newAnswer(parent: string | undefined, now: number): AssistantTurn {
  return {
    id: newId(),
    parent,
    role: 'assistant',
    content: '',
    createdAt: now,
    reasoning: '',
    toolCalls: [],
    state: 'waiting',
    reasoningTokens: 0,
    answerTokens: 0,
    moving: false,
    moves: [],
    events: [],
    stalled: false,
  }
}

/** The turn after what came of its answer. @param now as Date.now() counts. */
export function grow(turn: AssistantTurn, { connection, completionId, eventId, events }: SteadyChunk, now: number) {
  const id = completionId ?? turn.completion?.id
  const lastEventId = eventId ?? turn.completion?.lastEventId
  let grown: AssistantTurn = {
    ...turn,
    state: stateOf(turn, connection, events),
    stalled: connection === 'stalled',
    completion: id === undefined ? undefined : { id, lastEventId },
    error: undefined,
  }
  for (const event of events) grown = growBy(grown, event, now)
  return grown
}

function stateOf({ state }: AssistantTurn, connection: SteadyChunk['connection'], events: readonly AnswerEvent[]) {
  // The usage comes behind the end.
  if (state === 'done' || state === 'cut') return state
  if (state === 'waiting' && !events.some(isToken)) return 'waiting'
  return connection === 'reconnecting' ? 'reconnecting' : 'streaming'
}

function growBy(turn: AssistantTurn, event: AnswerEvent, now: number): AssistantTurn {
  switch (event.type) {
    case 'reasoning':
      return {
        ...withToken(turn, now),
        reasoning: turn.reasoning + event.text,
        reasoningTokens: turn.reasoningTokens + 1,
      }
    case 'text':
      return { ...withAnswerToken(turn, now), content: turn.content + event.text }
    case 'toolCall': {
      // Some servers say it with every piece of the arguments.
      if (turn.toolCalls[event.index]) return turn
      const call: ToolCall = { id: event.id, name: event.name, arguments: '', state: 'streaming' }
      return { ...withAnswerToken(turn, now), toolCalls: [...turn.toolCalls, call] }
    }
    case 'toolCallArguments': {
      const toolCalls = turn.toolCalls.map((call, index) =>
        index === event.index ? { ...call, arguments: call.arguments + event.text } : call,
      )
      return { ...withAnswerToken(turn, now), toolCalls }
    }
    case 'source':
      return moved(turn, event, now)
    case 'moving':
      return { ...turn, moving: true }
    case 'recovered':
    case 'rescued':
      return { ...turn, moving: false, events: [...turn.events, event.type] }
    case 'usage': {
      const { usage, reasoningTokens, tokens } = event
      const told = { usage, reasoningTokens, answerTokens: tokens - reasoningTokens }
      return { ...turn, ...(turn.before ? sum(turn.before, told) : told) }
    }
    case 'finish':
      return withEnd(turn, event.reason, now)
  }
}

function sum(before: Counted, { usage, reasoningTokens, answerTokens }: Counted): Counted {
  return {
    usage: usage && {
      edgeTokens: usage.edgeTokens + (before.usage?.edgeTokens ?? 0),
      originTokens: usage.originTokens + (before.usage?.originTokens ?? 0),
      cachedTokens: usage.cachedTokens,
      rescued: usage.rescued ?? before.usage?.rescued,
    },
    reasoningTokens: reasoningTokens + before.reasoningTokens,
    answerTokens: answerTokens + before.answerTokens,
  }
}

/** The turn without more to come. */
export function ended(turn: AssistantTurn, state: 'done' | 'stopped' | 'failed'): AssistantTurn {
  const now = Date.now()
  const thoughtAt = turn.thoughtAt ?? (turn.reasoning === '' ? undefined : now)
  const moves = withSpeed(turn, speed(turn, now))
  const toolCalls = state === 'done' ? turn.toolCalls : turn.toolCalls.map(cutShort)
  return { ...turn, state, toolCalls, moving: false, stalled: false, error: undefined, endedAt: now, thoughtAt, moves }
}

/** As it is kept where nobody goes on with what was under way. */
export function atRest(turn: Turn): Turn {
  if (turn.role === 'user') return turn
  const resting = isUnfinished(turn) && turn.state !== 'done' ? ended(turn, 'stopped') : turn
  const toolCalls = resting.toolCalls.map((call) =>
    call.state === 'failed' || call.result !== undefined
      ? call
      : ({ ...call, state: 'refused', result: 'It was not run.' } as const),
  )
  return { ...resting, toolCalls, completion: undefined }
}

/** Whether what is said of an answer begins with this. */
export function isToken({ type }: AnswerEvent): boolean {
  return type === 'reasoning' || type === 'text' || type === 'toolCall'
}

function withToken(turn: AssistantTurn, now: number): AssistantTurn {
  return { ...turn, moving: false, firstTokenAt: turn.firstTokenAt ?? now }
}

function withAnswerToken(turn: AssistantTurn, now: number): AssistantTurn {
  const thoughtAt = turn.thoughtAt ?? (turn.reasoning === '' ? undefined : now)
  return { ...withToken(turn, now), thoughtAt, answerTokens: turn.answerTokens + 1 }
}

function moved(
  turn: AssistantTurn,
  { source, origin, reason }: Extract<AnswerEvent, { type: 'source' }>,
  now: number,
): AssistantTurn {
  if (turn.source === undefined) return { ...turn, source, began: { source, origin, reason } }
  if (turn.source === source && turn.moves.at(-1)?.origin === origin) return { ...turn, moving: false }
  const part = turn.content === '' && turn.reasoning !== '' && turn.thoughtAt === undefined ? 'reasoning' : 'content'
  const speedBefore = speed(turn, now)
  const move = {
    to: source,
    origin,
    reason,
    part,
    at: turn[part].length,
    tokens: tokensOf(turn),
    time: now,
    speedBefore,
  } as const
  return { ...turn, source, moving: false, moves: [...withSpeed(turn, speedBefore), move] }
}

function withEnd(turn: AssistantTurn, reason: string, now: number): AssistantTurn {
  const cut = reason === 'length'
  // A call that turned out to be none: its text has come as content.
  const toolCalls = reason === 'stop' ? turn.toolCalls.filter((call) => isJson(call.arguments)) : turn.toolCalls
  return {
    ...turn,
    state: cut ? 'cut' : 'done',
    toolCalls: cut ? toolCalls.map(cutShort) : toolCalls,
    moving: false,
    endedAt: now,
    moves: withSpeed(turn, speed(turn, now)),
  }
}

function withSpeed({ moves }: AssistantTurn, speedAfter: number | undefined) {
  return moves.map((move, index) => (index === moves.length - 1 ? { ...move, speedAfter } : move))
}

/** Tokens a second since its last move; undefined: too few to tell, or there was a pause in between. */
export function speed(turn: AssistantTurn, now: number): number | undefined {
  if (turn.before) return undefined
  const move = turn.moves.at(-1)
  const since = move?.time ?? turn.firstTokenAt
  const tokens = tokensOf(turn) - (move?.tokens ?? 0)
  return since === undefined || now <= since || tokens < 2 ? undefined : (1000 * tokens) / (now - since)
}

export function hasText({ content, reasoning }: AssistantTurn): boolean {
  return content !== '' || reasoning !== ''
}

export function tokensOf({ reasoningTokens, answerTokens }: AssistantTurn): number {
  return reasoningTokens + answerTokens
}

/** A call of which the end is missing: the model is not told of it. */
function cutShort(call: ToolCall): ToolCall {
  return call.state === 'streaming' ? { ...call, state: 'failed' } : call
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

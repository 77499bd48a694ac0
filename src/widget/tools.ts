import { type AnswerRun, LEFT } from './answer-run.ts'
import type { Room } from './room.ts'
import type { AssistantTurn, ToolCall } from './turns.ts'

export type Decision = 'once' | 'always' | 'refuse'

/** What the model is told of a call that the reader does not allow. */
const REFUSED = 'The user did not allow this call.'

/** What the reader has decided on a call that waited. */
export interface DecidedCall {
  readonly turn: string
  readonly call: string
  readonly decision: Decision
}

/** The turn, with calls that wait decided on: 'running' is to run. @param callId left out: all of them. */
export function decided(turn: AssistantTurn, decision: Decision, callId?: string): AssistantTurn {
  const toolCalls = turn.toolCalls.map((call): ToolCall => {
    if (call.state !== 'asking' || (callId !== undefined && call.id !== callId)) return call
    return decision === 'refuse' ? { ...call, state: 'refused', result: REFUSED } : { ...call, state: 'running' }
  })
  return { ...turn, toolCalls }
}

/** Runs what may run of the calls of a turn; others are 'asking' then, or were decided on meanwhile. */
export async function callTools(turn: AssistantTurn, { room, tree, signal, put }: AnswerRun): Promise<void> {
  const set = (call: ToolCall) => {
    const current = tree.get(turn.id) as AssistantTurn
    const toolCalls = current.toolCalls.map((other) => (other.id === call.id ? call : other))
    put({ ...current, toolCalls })
  }
  const running = turn.toolCalls.map((call) => (call.state === 'streaming' ? checked(call, room) : call))
  for (const call of running) set(call)
  await Promise.all(
    running
      .filter(({ state }) => state === 'running')
      .map(async (call) => {
        room.tell({ type: 'tool-call', turn, call })
        const end = await run(call, room, signal)
        // Whoever comes back asks the reader whether it may run again.
        if (signal.reason !== LEFT) set(end)
      }),
  )
}

/** Whether a call may run, must wait for the reader, or cannot run at all. */
function checked(call: ToolCall, room: Room): ToolCall {
  const tool = room.tools.find(({ name }) => name === call.name)
  const names = room.tools.map(({ name }) => name).join(', ')
  if (!tool) return failed(call, `There is no tool '${call.name}'. There are: ${names || 'none'}.`)
  const args = parsed(call)
  if (args instanceof Error) return failed(call, `The arguments are no JSON: ${args.message}`)
  const allowed = tool.allowed || room.settings.allowedTools?.includes(call.name)
  return { ...call, state: allowed ? 'running' : 'asking' }
}

async function run(call: ToolCall, room: Room, signal: AbortSignal): Promise<ToolCall> {
  const begin = performance.now()
  const ms = () => Math.round(performance.now() - begin)
  const tool = room.tools.find(({ name }) => name === call.name)
  if (!tool) return failed(call, `The page has no tool '${call.name}' any more.`)
  const stopped = Promise.withResolvers<never>()
  const stop = () => stopped.reject(new Error('The user stopped it.'))
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    const result = await Promise.race([tool.run(parsed(call), { signal }), stopped.promise])
    const text = typeof result === 'string' ? result : (JSON.stringify(result) ?? 'null')
    return { ...call, state: 'done', result: text, ms: ms() }
  } catch (error) {
    return { ...failed(call, error instanceof Error ? error.message : String(error)), ms: ms() }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function failed(call: ToolCall, message: string): ToolCall {
  return { ...call, state: 'failed', result: message }
}

/** Of no text at all: no arguments. */
function parsed(call: ToolCall): unknown {
  try {
    return JSON.parse(call.arguments || '{}')
  } catch (error) {
    return error
  }
}

import type { Message } from './client.ts'
import { isJson } from './growing.ts'
import { type AssistantTurn, isNumbered, isUnfinished, type ShownTurn, type Turn } from './turns.ts'

/** Chosen turns by the turn that they follow, '' before the first. */
export type Chosen = Readonly<Record<string, string>>

/** Turns by id, the oldest first, each following another or none. */
export class TurnTree {
  readonly #turns = new Map<string, Turn>()

  get(id: string): Turn | undefined {
    return this.#turns.get(id)
  }

  set(turn: Turn): void {
    this.#turns.set(turn.id, turn)
  }

  delete(id: string): void {
    this.#turns.delete(id)
  }

  /** Those that follow a turn, the oldest first. */
  following(id: string | undefined): Turn[] {
    return [...this.#turns.values()].filter(({ parent }) => parent === id).sort((a, b) => a.createdAt - b.createdAt)
  }

  /** From the first turn to the last: the chosen ones, else the newest. */
  shown(chosen: Chosen): ShownTurn[] {
    const shown: ShownTurn[] = []
    let children = new Map<string | undefined, Turn[]>()
    for (const turn of this.#turns.values()) {
      const siblings = children.get(turn.parent)
      if (siblings) siblings.push(turn)
      else children = children.set(turn.parent, [turn])
    }
    for (let parent: string | undefined; ; parent = shown.at(-1)!.turn.id) {
      const branches = children.get(parent)?.sort((a, b) => a.createdAt - b.createdAt)
      if (!branches) return shown
      const wanted = branches.findIndex(({ id }) => id === chosen[parent ?? ''])
      const branch = wanted < 0 ? branches.length - 1 : wanted
      shown.push({ turn: branches[branch], branch, branches: branches.length })
    }
  }

  /** The turns that lead to one, itself the last. */
  pathTo(id: string): Turn[] {
    const path: Turn[] = []
    for (
      let turn = this.#turns.get(id);
      turn;
      turn = turn.parent === undefined ? undefined : this.#turns.get(turn.parent)
    )
      path.unshift(turn)
    return path
  }

  /** An answer that is under way, in a branch that is shown or not. */
  unfinished(): AssistantTurn | undefined {
    for (const turn of this.#turns.values()) {
      // What followed a turn that was taken away is not part of the tree.
      const isThere = () => this.pathTo(turn.id)[0].parent === undefined
      if (turn.role === 'assistant' && isUnfinished(turn) && isThere()) return turn
    }
    return undefined
  }
}

/** The turns that the model is sent: older ones had no room. */
export function inContext(turns: readonly Turn[]): readonly Turn[] {
  const from = turns.findLast((turn) => turn.role === 'assistant' && turn.contextFrom !== undefined) as
    | AssistantTurn
    | undefined
  const start = turns.findIndex(({ id }) => id === from?.contextFrom)
  return turns.slice(Math.max(start, 0))
}

/** What the model is sent of turns. Answers that were stopped before their first word say nothing to it. */
export function messagesOf(turns: readonly Turn[]): Message[] {
  const question = turns.findLastIndex(({ role }) => role === 'user')
  return inContext(turns).flatMap((turn): Message[] => {
    if (turn.role === 'user') return [{ role: 'user', content: turn.content }]
    const calls = turn.toolCalls.filter(({ result }) => result !== undefined)
    // What was thought since the question belongs to the answer.
    const thinks = turns.indexOf(turn) > question && turn.reasoning !== '' && isNumbered(turn)
    if (turn.content === '' && calls.length === 0 && !thinks) return []
    return [
      {
        role: 'assistant',
        content: turn.content,
        ...(thinks ? { reasoning_content: turn.reasoning } : {}),
        ...(calls.length ? { tool_calls: calls.map(calledOf) } : {}),
      },
      ...calls.map(({ id, result }) => ({ role: 'tool', content: result!, tool_call_id: id }) as const),
    ]
  })
}

function calledOf({ id, name, arguments: text }: AssistantTurn['toolCalls'][number]) {
  // Its result tells the model that it was none; servers refuse what is no JSON.
  return { id, type: 'function', function: { name, arguments: isJson(text) ? text : '{}' } }
}

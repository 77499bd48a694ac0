import { html } from 'lit'
import { guard } from 'lit/directives/guard.js'
import { repeat } from 'lit/directives/repeat.js'
import type { AssistantTurn, ShownTurn, UserTurn } from '../turns.ts'
import { assistantTurn, type Place } from './assistant-turn.ts'
import { isUnderWay } from './spans.ts'
import { userTurn } from './user-turn.ts'
import type { View } from './view.ts'

/**
 * The turns, a question and what follows it together. Only turns that changed are made anew.
 * @param roomFor the question below which there is room for the answer, so that it stands at the top
 */
export function exchanges(turns: readonly ShownTurn[], roomFor: string | undefined, view: View) {
  return repeat(
    grouped(turns),
    ([first]) => first.turn.id,
    (group) => html`
      <section class="exchange ${group[0].turn.id === roomFor ? 'room' : ''}">
        ${repeat(
          group,
          ({ turn }) => turn.id,
          (shown) => turnView(shown, placeOf(shown, group, turns), view),
        )}
      </section>
    `,
  )
}

function turnView(shown: ShownTurn, place: Place, view: View) {
  const { turn, branch, branches } = shown
  const { texts, reader, openThoughts } = view
  const now = turn.role === 'assistant' && isUnderWay(turn) ? view.now : 0
  return guard([turn, branch, branches, place, texts, reader.version(turn.id), openThoughts, now], () =>
    turn.role === 'user'
      ? userTurn(shown as ShownTurn & { turn: UserTurn }, view)
      : assistantTurn(shown as ShownTurn & { turn: AssistantTurn }, place, view),
  )
}

function placeOf(shown: ShownTurn, group: readonly ShownTurn[], turns: readonly ShownTurn[]): Place {
  if (shown === turns.at(-1)) return 'newest'
  return shown === group.at(-1) ? 'last' : 'within'
}

function grouped(turns: readonly ShownTurn[]): ShownTurn[][] {
  const groups: ShownTurn[][] = []
  for (const shown of turns) {
    if (shown.turn.role === 'user' || groups.length === 0) groups.push([shown])
    else groups.at(-1)!.push(shown)
  }
  return groups
}

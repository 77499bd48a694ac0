import { html, nothing } from 'lit'
import { tokensOf } from '../growing.ts'
import type { AssistantTurn } from '../turns.ts'
import { isUnderWay } from './spans.ts'
import { turnError } from './turn-error.ts'
import type { View } from './view.ts'

/**
 * What happened to an answer that its reader should know, quietly beneath it.
 * @param newest what can be done about it, can be done: nothing has been asked since
 */
export function turnNotices(turn: AssistantTurn, newest: boolean, view: View) {
  const { texts, actions } = view
  const notices: unknown[] = turn.events.map((event) => texts[event])
  if (turn.state === 'reconnecting') notices.push(texts.reconnecting(tokensOf(turn)))
  else if (turn.stalled && isUnderWay(turn)) notices.push(texts.stalled)
  if (turn.state === 'stopped' || turn.state === 'cut') {
    const goOn = () => actions.continueAnswer(turn.id)
    const button = html`<button class="text" @click=${goOn}>${texts.continue}</button>`
    notices.push(
      html`${texts[turn.state]} ${newest && (turn.content !== '' || turn.reasoning !== '') ? button : nothing}`,
    )
  }
  return html`
    ${notices.map((notice) => html`<p class="note" part="note">${notice}</p>`)}
    ${turn.error ? turnError(turn, turn.error, newest && !isUnderWay(turn), view) : nothing}
  `
}

import { html, nothing } from 'lit'
import { guard } from 'lit/directives/guard.js'
import { markdown } from '../markdown.ts'
import type { AssistantTurn, ShownTurn } from '../turns.ts'
import { movesIn } from './move-marks.ts'
import { source } from './source.ts'
import { isThinking, isUnderWay } from './spans.ts'
import { thinking } from './thinking.ts'
import { toolCard } from './tool-card.ts'
import { turnBar } from './turn-bar.ts'
import { turnNotices } from './turn-notices.ts'
import type { View } from './view.ts'

/** Nothing is said of a wait that is shorter than this, in ms. */
const WAIT_MS = 3000

/** @param last nothing follows in its exchange: no round after the tools that it calls. */
export function assistantTurn(shown: ShownTurn & { readonly turn: AssistantTurn }, last: boolean, view: View) {
  const { texts } = view
  const { turn } = shown
  const underWay = isUnderWay(turn)
  return html`
    <article class="assistant" part="message assistant-message" aria-busy=${underWay}>
      <h3 class="hidden">${texts.answer}</h3>
      ${thinking(turn, view)}
      ${turn.content === '' ? nothing : movesIn(turn, 'content', texts, answer(turn))}
      ${turn.toolCalls.map((call) => toolCard(turn, call, view))}
      ${isWaiting(turn) ? waiting(turn, view) : nothing}
      ${turnNotices(turn, view)}
      ${last ? html`<div class="turn-end">${source(turn, view)}${underWay ? nothing : turnBar(shown, view)}</div>` : nothing}
    </article>
  `
}

function answer({ content, state, moving }: AssistantTurn) {
  const cursor = state === 'streaming' && !moving
  const text = guard([content], () => markdown(content))
  return html`<div class="markdown ${cursor ? 'streaming' : ''}" part="answer" dir="auto">${text}</div>`
}

/** Nothing has come, and nothing else says why. */
function isWaiting(turn: AssistantTurn): boolean {
  const { content, reasoning, toolCalls, error } = turn
  if (!isUnderWay(turn) || content !== '' || toolCalls.length > 0 || error) return false
  return reasoning === '' || !isThinking(turn)
}

function waiting({ createdAt }: AssistantTurn, { texts, now }: View) {
  const ms = now - createdAt
  return html`
    <p class="waiting"><span class="live"></span>${ms < WAIT_MS ? nothing : html`<span>${texts.duration(ms)}</span>`}<span class="hidden">${texts.waiting}</span></p>
  `
}

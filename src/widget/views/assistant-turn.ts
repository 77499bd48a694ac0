import { html, nothing } from 'lit'
import { guard } from 'lit/directives/guard.js'
import { markdown } from '../markdown/markdown.ts'
import type { Texts } from '../texts.ts'
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

/** In the conversation: 'last' of its exchange, or within it, where another answer follows the tools that it calls. */
export type Place = 'newest' | 'last' | 'within'

export function assistantTurn(shown: ShownTurn & { readonly turn: AssistantTurn }, place: Place, view: View) {
  const { texts } = view
  const { turn } = shown
  const underWay = isUnderWay(turn)
  return html`
    <article class="assistant" part="message assistant-message" aria-busy=${underWay}>
      <h3 class="hidden">${texts.answer}</h3>
      ${thinking(turn, view)}
      ${turn.content === '' ? nothing : movesIn(turn, 'content', texts, answer(turn, texts))}
      ${turn.toolCalls.map((call) => toolCard(turn, call, view))}
      ${isWaiting(turn) ? waiting(turn, view) : nothing}
      ${turnNotices(turn, place === 'newest', view)}
      ${place === 'within' ? nothing : html`<div class="turn-end ${underWay ? 'growing' : ''}">${source(turn, view)}${underWay ? nothing : turnBar(shown, view)}</div>`}
    </article>
  `
}

function answer(turn: AssistantTurn, texts: Texts) {
  const { content, state, moving } = turn
  const cursor = state === 'streaming' && !moving
  const streaming = isUnderWay(turn)
  const text = guard([content, streaming], () => markdown(content, { streaming, texts }))
  return html`<div class="markdown ${cursor ? 'streaming' : ''}" part="answer" dir="auto">${text}</div>`
}

/** Nothing new has come, and nothing else says why. */
function isWaiting(turn: AssistantTurn): boolean {
  const { state, content, toolCalls, error } = turn
  if (!isUnderWay(turn) || error) return false
  return state === 'waiting' || (content === '' && toolCalls.length === 0 && !isThinking(turn))
}

function waiting({ createdAt, content }: AssistantTurn, { texts, now }: View) {
  const ms = content === '' ? now - createdAt : 0
  return html`
    <p class="waiting"><span class="live"></span>${ms < WAIT_MS ? nothing : html`<span>${texts.duration(ms)}</span>`}<span class="hidden">${texts.waiting}</span></p>
  `
}

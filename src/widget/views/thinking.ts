import { html, nothing } from 'lit'
import { guard } from 'lit/directives/guard.js'
import { keyed } from 'lit/directives/keyed.js'
import { markdown } from '../markdown/markdown.ts'
import type { AssistantTurn } from '../turns.ts'
import { calmly } from './calmly.ts'
import { followEnd } from './follower.ts'
import { latestSentence } from './latest-sentence.ts'
import { movesIn } from './move-marks.ts'
import { isThinking, thinkingTime } from './spans.ts'
import type { View } from './view.ts'

/** How long a sentence of the thoughts stays at least, in ms. */
const SENTENCE_MS = 2000

/** What the model thinks: a line, and for who opens it a window. */
export function thinking(turn: AssistantTurn, view: View) {
  if (turn.reasoning === '') return nothing
  const { texts, reader, actions } = view
  const now = isThinking(turn)
  const open = reader.isOpen(turn.id, 'thoughts') ?? (view.openThoughts && now)
  const toggled = ({ target }: Event) => {
    const details = target as HTMLDetailsElement
    if (details.open !== open) reader.setOpen(turn.id, 'thoughts', details.open)
  }
  return html`
    <div class="thinking ${now ? 'now' : ''}" part="thinking">
      <details ?open=${open} @toggle=${toggled}>
        <summary>
          ${now ? thinkingNow(turn, view, open) : html`<span>${turn.firstTokenAt === undefined ? texts.thoughts : texts.thoughtFor(texts.duration(thinkingTime(turn, view.now)))}</span>`}
        </summary>
        ${open ? thoughts(turn, view, now) : nothing}
      </details>
      ${now && turn.completion?.lastEventId !== undefined ? html`<button class="quiet answer-now" @click=${actions.answerNow}>${texts.answerNow}</button>` : nothing}
    </div>
  `
}

function thinkingNow(turn: AssistantTurn, { texts, now }: View, open: boolean) {
  const facts = [texts.thinking, texts.duration(thinkingTime(turn, now)), texts.tokens(turn.reasoningTokens)]
  const latest = () => {
    const sentence = latestSentence(turn.reasoning)
    return keyed(sentence, html`<span class="latest-thought" aria-hidden="true" dir="auto">${sentence}</span>`)
  }
  return html`
    <span class="shimmer">${facts.join(' · ')}</span>
    ${open ? nothing : calmly(SENTENCE_MS, latest)}
  `
}

function thoughts(turn: AssistantTurn, { texts }: View, growing: boolean) {
  return html`
    <div class="thoughts" role="region" aria-label=${texts.thoughts} tabindex="0" ${followEnd(growing)}>
      <div class="thoughts-text">
        ${movesIn(
          turn,
          'reasoning',
          texts,
          guard(
            [turn.reasoning, growing],
            () =>
              html`<div class="markdown" dir="auto">${markdown(turn.reasoning, { streaming: growing, light: true, texts })}</div>`,
          ),
        )}
      </div>
    </div>
  `
}

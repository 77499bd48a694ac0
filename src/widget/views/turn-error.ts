import { html, nothing } from 'lit'
import type { Texts } from '../texts.ts'
import type { AssistantTurn, TurnError } from '../turns.ts'
import type { View } from './view.ts'

/**
 * Why there is no answer, or no more of it, and what helps.
 * @param mayHelp now, and not of itself
 */
export function turnError(turn: AssistantTurn, error: TurnError, mayHelp: boolean, view: View) {
  const { texts, now } = view
  const wait = error.retryAt === undefined ? '' : texts.retryIn(texts.duration(Math.max(0, error.retryAt - now)))
  return html`
    <div class="notice error" part="error" role="alert">
      ${whatHappened(error, texts)}
      ${wait ? html`<p class="retry" aria-live="off">${wait}</p>` : nothing}
      ${mayHelp ? (error.kind === 'key' ? keyForm(view) : html`<div class="buttons">${remedies(turn, error, view)}</div>`) : nothing}
    </div>
  `
}

/** In the reader's language where it has words for that, then as the server says it. */
function whatHappened({ code, message, byServer }: TurnError, { errors }: Texts) {
  const known = errors[code]
  if (known === undefined) return html`<p dir="auto">${message}</p>`
  return html`<div><p dir="auto">${known}</p>${byServer ? html`<p class="said" dir="auto">${message}</p>` : nothing}</div>`
}

function remedies(turn: AssistantTurn, error: TurnError, { texts, actions }: View) {
  const button = (text: string, act: () => void) => html`<button class="quiet" @click=${act}>${text}</button>`
  switch (error.kind) {
    case 'context':
      return [button(texts.startAnew, () => actions.startAnew()), button(texts.dropOldest, () => actions.dropOldest())]
    case 'lost':
      return [
        button(texts.continue, () => actions.continueAnswer(turn.id)),
        button(texts.tryAgain, () => actions.retry()),
      ]
    default:
      return button(texts.tryAgain, () => actions.retry())
  }
}

function keyForm({ texts, actions }: View) {
  const submit = (event: Event) => {
    event.preventDefault()
    const key = (event.currentTarget as HTMLElement).querySelector('input')!.value.trim()
    if (key !== '') actions.setKey(key)
  }
  return html`
    <form class="key" @submit=${submit}>
      <input type="password" autocomplete="off" required aria-label=${texts.key} placeholder=${texts.key} />
      <button class="quiet">${texts.useKey}</button>
    </form>
  `
}

import { html } from 'lit'
import { ref } from 'lit/directives/ref.js'
import type { ShownTurn, UserTurn } from '../turns.ts'
import { sends } from './enter.ts'
import { fitting } from './fitting.ts'
import { turnBar } from './turn-bar.ts'
import type { View } from './view.ts'

/** A message of more lines than this is folded to the lines that are shown of it. */
const LONG = 24
const SHOWN = 10

export function userTurn(shown: ShownTurn & { readonly turn: UserTurn }, view: View) {
  const { texts, reader } = view
  const { turn } = shown
  return html`
    <article class="user" part="message user-message">
      <h3 class="hidden">${texts.you}</h3>
      ${reader.isEditing(turn.id) ? editor(turn, view) : html`${question(turn, view)}${turnBar(shown, view)}`}
    </article>
  `
}

function question({ id, content }: UserTurn, { texts, reader }: View) {
  const lines = content.split('\n')
  if (lines.length <= LONG) return html`<p class="question" part="bubble" dir="auto">${content}</p>`
  const open = reader.isOpen(id, 'lines') ?? false
  return html`
    <div class="question long" part="bubble">
      <p dir="auto">${open ? content : lines.slice(0, SHOWN).join('\n')}</p>
      <button class="text" aria-expanded=${open} @click=${() => reader.setOpen(id, 'lines', !open)}>
        ${open ? texts.showLess : texts.showLines(lines.length)}
      </button>
    </div>
  `
}

function editor({ id, content }: UserTurn, { texts, reader, actions }: View) {
  const submit = (event: Event) => {
    event.preventDefault()
    const text = (event.currentTarget as HTMLElement).querySelector('textarea')!.value.trim()
    reader.edit(undefined)
    if (text && text !== content) actions.edit(id, text)
  }
  const keyPressed = (event: KeyboardEvent) => {
    if (sends(event)) return submit(event)
    if (event.key !== 'Escape' || event.isComposing) return
    event.preventDefault()
    event.stopPropagation()
    reader.edit(undefined)
  }
  return html`
    <form class="editor" @submit=${submit} @keydown=${keyPressed}>
      <textarea aria-label=${texts.editMessage} dir="auto" rows="1" .value=${content} ${ref(focused)} @input=${typed}></textarea>
      <div>
        <button type="button" class="quiet" @click=${() => reader.edit(undefined)}>${texts.cancel}</button>
        <button class="quiet strong">${texts.sendEdited}</button>
      </div>
    </form>
  `
}

function typed({ target }: Event): void {
  fitting(target as HTMLTextAreaElement)
}

function focused(element: Element | undefined): void {
  const field = element as HTMLTextAreaElement | undefined
  queueMicrotask(() => {
    if (!field?.isConnected) return
    field.focus()
    fitting(field)
  })
}

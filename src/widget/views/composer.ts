import { html, type LitElement, nothing } from 'lit'
import { createRef, ref } from 'lit/directives/ref.js'
import { closeIcon, sendIcon, stopIcon } from '../icons.ts'
import type { Texts } from '../texts.ts'
import type { QueuedMessage, Settings } from '../turns.ts'
import { isTouch, sends } from './enter.ts'
import { fitting } from './fitting.ts'

type Effort = Settings['effort']

const EFFORTS = ['none', 'low', 'medium', 'high'] as const

export interface ComposerFacts {
  readonly texts: Texts
  readonly placeholder: string | undefined
  readonly answering: boolean
  /** Messages that wait for the answer under way. */
  readonly queue: readonly QueuedMessage[]
  /** Undefined: as the server has it. */
  readonly effort: Effort
  /** Whether the model may think at all. */
  readonly thinks: boolean
  /** What is kept no more. */
  readonly notice: 'full' | 'gone' | undefined
  /** A turn was deleted, and can be brought back. */
  readonly removed: boolean
  send(message: string): void
  stop(): void
  /** @returns what was written */
  unqueue(id: string): string | undefined
  chooseEffort(effort: Effort): void
  drafted(draft: string): void
  dismissNotice(): void
  undo(): void
}

/** Where the reader writes. The textarea itself holds the draft: what is pasted and sent within a frame is whole. */
export class Composer {
  readonly #host: LitElement
  readonly #input = createRef<HTMLTextAreaElement>()
  #facts: ComposerFacts | undefined

  constructor(host: LitElement) {
    this.#host = host
  }

  get draft(): string {
    return this.#input.value?.value ?? ''
  }

  set draft(draft: string) {
    const input = this.#input.value
    if (input === undefined || input.value === draft) return
    input.value = draft
    fitting(input)
    this.#host.requestUpdate()
  }

  focus(options?: FocusOptions): void {
    this.#input.value?.focus(options)
  }

  render(facts: ComposerFacts) {
    this.#facts = facts
    const { texts, placeholder, answering } = facts
    const empty = this.draft.trim() === ''
    return html`
      <form class="composer" part="composer" @submit=${this.#submit}>
        ${composerNotices(facts)} ${this.#queue(facts)}
        <div class="box" part="composer-box">
          <label for="message" class="hidden">${texts.message}</label>
          <textarea id="message" part="input" rows="1" dir="auto" placeholder=${placeholder ?? texts.placeholder} enterkeyhint=${isTouch() ? 'enter' : 'send'}
            ${ref(this.#input)} @input=${this.#typed} @keydown=${this.#keyPressed}></textarea>
          <div class="tools">
            ${facts.thinks ? this.#effort(facts) : nothing}
            <span class="gap"></span>
            ${answering ? html`<button type="button" class="round stop" part="stop" aria-label=${texts.stop} title=${texts.stop} @click=${this.#stop}>${stopIcon}</button>` : nothing}
            ${answering && empty ? nothing : html`<button class="round send ${answering ? 'later' : ''}" part="send" aria-label=${texts.send} title=${texts.send} ?disabled=${empty}>${sendIcon}</button>`}
          </div>
        </div>
        <slot name="footer"></slot>
      </form>
    `
  }

  #queue({ texts, queue }: ComposerFacts) {
    if (queue.length === 0) return nothing
    return html`
      <ul class="queue" aria-label=${texts.queued}>
        ${queue.map(
          ({ id, content }) => html`
          <li>
            <span class="queued-text" dir="auto">${content}</span>
            <button type="button" class="icon" aria-label=${texts.unqueue} title=${texts.unqueue} @click=${() => this.#unqueue(id)}>${closeIcon}</button>
          </li>`,
        )}
      </ul>
    `
  }

  #effort({ texts, effort, chooseEffort }: ComposerFacts) {
    const chosen = ({ target }: Event) => chooseEffort(((target as HTMLSelectElement).value || undefined) as Effort)
    return html`
      <label class="effort">
        <span>${texts.effort}</span>
        <select @change=${chosen}>
          <option value="" ?selected=${effort === undefined}>${texts.efforts.auto}</option>
          ${EFFORTS.map((value) => html`<option value=${value} ?selected=${value === effort}>${texts.efforts[value]}</option>`)}
        </select>
      </label>
    `
  }

  /** Back into the composer, unless something is written there. */
  #unqueue(id: string): void {
    const message = this.#facts!.unqueue(id)
    if (message !== undefined && this.draft.trim() === '') {
      this.draft = message
      this.#facts!.drafted(message)
    }
    this.focus()
  }

  #typed = (): void => {
    fitting(this.#input.value!)
    this.#facts!.drafted(this.draft)
    this.#host.requestUpdate()
  }

  #keyPressed = (event: KeyboardEvent): void => {
    if (!sends(event)) return
    event.preventDefault()
    this.#send()
  }

  #submit = (event: SubmitEvent): void => {
    event.preventDefault()
    this.#send()
  }

  #send(): void {
    const message = this.draft.trim()
    if (message === '') return
    this.draft = ''
    this.#facts!.drafted('')
    this.#facts!.send(message)
    // A touch keyboard would hide the answer.
    if (isTouch()) this.#input.value!.blur()
    else this.focus()
  }

  #stop = (): void => {
    this.#facts!.stop()
    this.focus()
  }
}

function composerNotices({ texts, notice, removed, dismissNotice, undo }: ComposerFacts) {
  const button = (text: string, act: () => void) =>
    html`<button type="button" class="text" @click=${act}>${text}</button>`
  return html`
    ${notice ? html`<p class="above" role="status">${texts.storage[notice]} ${button(texts.close, dismissNotice)}</p>` : nothing}
    ${removed ? html`<p class="above" role="status">${texts.deleted} ${button(texts.undo, undo)}</p>` : nothing}
  `
}

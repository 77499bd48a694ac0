import { html, LitElement, type PropertyValues, svg } from 'lit'
import { createRef, ref } from 'lit/directives/ref.js'
import type { ChatProperties } from './chat-properties.ts'
import { launcherStyles } from './launcher-styles.ts'
import { languageOf, type Texts, textsFor } from './texts.ts'

const stroke = (path: unknown) =>
  svg`<svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${path}</svg>`
const chatIcon = stroke(svg`<path d="M20 11.5a7.5 7.5 0 0 1-11 6.6L4 19.5l1.4-4.6A7.5 7.5 0 1 1 20 11.5z" />`)
const closeIcon = stroke(svg`<path d="M6.5 6.5l11 11M17.5 6.5l-11 11" />`)

/**
 * A round button in the corner of a page, and the chat that it opens above it: a <nanbeige-chat> between its tags. A closed chat keeps its
 * conversation, and an answer under way goes on.
 */
export class NanbeigeChatLauncher extends LitElement {
  static override styles = launcherStyles
  static override properties = {
    label: { type: String },
    open: { type: Boolean, reflect: true },
    unread: { state: true },
  }

  /** What the button and the window are called; '': "Chat" in the reader's language. */
  declare label: string
  declare open: boolean
  /** An answer came to its end while the chat was closed. */
  declare unread: boolean

  readonly #button = createRef<HTMLButtonElement>()
  readonly #panel = createRef<HTMLElement>()

  constructor() {
    super()
    this.label = ''
    this.open = false
    this.unread = false
    // In the capturing phase, which events that do not bubble have too.
    this.addEventListener('finish', () => (this.unread = !this.open), true)
  }

  protected override willUpdate(): void {
    if (this.open) this.unread = false
  }

  protected override updated(changed: PropertyValues<this>): void {
    const panel = this.#panel.value!
    if (!changed.has('open') || this.open === panel.matches(':popover-open')) return
    // In the top layer neither the page's layers nor what it cuts off are above the chat.
    if (this.open) {
      panel.showPopover()
      this.querySelector<HTMLElement>(':scope > :not([slot])')?.focus()
    } else {
      const hadFocus = this.contains((this.getRootNode() as Document).activeElement)
      panel.hidePopover()
      if (hadFocus) this.#button.value!.focus()
    }
    this.dispatchEvent(new Event('toggle'))
  }

  protected override render() {
    const texts = this.#texts
    const label = this.label || texts.chat
    return html`
      <button class="launcher ${this.unread ? 'unread' : ''}" part="button" aria-label=${label} aria-expanded=${this.open}
        aria-controls="panel" ${ref(this.#button)} @click=${this.#toggle}>
        ${this.open ? closeIcon : html`<slot name="icon">${chatIcon}</slot>`}
      </button>
      <div id="panel" class="panel" part="panel" role="dialog" aria-label=${label} popover="manual"
        ${ref(this.#panel)} @keydown=${this.#keyPressed}>
        <div class="bar"><button class="close" aria-label=${texts.close} title=${texts.close} @click=${this.#toggle}>${closeIcon}</button></div>
        <slot></slot>
      </div>
    `
  }

  /** As the chat says it. */
  get #texts(): Texts {
    const chat = this.querySelector<ChatProperties>(':scope > nanbeige-chat')
    return textsFor(languageOf(chat ?? this), chat?.texts)
  }

  #toggle = (): void => {
    this.open = !this.open
  }

  #keyPressed = (event: KeyboardEvent): void => {
    // The chat takes Escape while there is something to stop or to close in it.
    if (event.key === 'Escape' && !event.defaultPrevented && !event.isComposing) this.open = false
  }
}

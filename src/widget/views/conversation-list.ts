import { html, type LitElement, nothing } from 'lit'
import { createRef, ref } from 'lit/directives/ref.js'
import { repeat } from 'lit/directives/repeat.js'
import type { Conversations, SearchHit } from '../conversations.ts'
import { closeIcon, deleteIcon, editIcon } from '../icons.ts'
import type { Texts } from '../texts.ts'
import { offerFile } from './offer-file.ts'

type Host = LitElement & { removed: 'turn' | 'conversation' | undefined; regainFocus(): void }

/** The conversations, in a drawer over the chat. */
export class ConversationList {
  readonly #host: Host
  readonly #chats: Conversations
  readonly #search = createRef<HTMLInputElement>()
  #open = false
  #renaming: string | undefined
  #hits: readonly SearchHit[] | undefined
  #unreadable = false

  constructor(host: Host, chats: Conversations) {
    this.#host = host
    this.#chats = chats
  }

  get isOpen(): boolean {
    return this.#open
  }

  open = async (): Promise<void> => {
    this.#open = true
    this.#host.requestUpdate()
    await this.#host.updateComplete
    this.#search.value?.focus()
  }

  close = async (): Promise<void> => {
    this.#open = false
    this.#renaming = undefined
    this.#hits = undefined
    this.#unreadable = false
    this.#host.requestUpdate()
    await this.#host.updateComplete
    this.#host.regainFocus()
  }

  /** @param undo brings back what was removed a moment ago */
  render(texts: Texts, undo: (() => void) | undefined) {
    if (!this.#open) return nothing
    const hits = this.#hits ?? this.#chats.list.map((conversation): SearchHit => ({ conversation }))
    return html`
      <div class="shade" @click=${this.close}></div>
      <div class="drawer" part="conversations" role="dialog" aria-modal="true" aria-label=${texts.conversations} @keydown=${this.#keyPressed}>
        <div class="drawer-head">
          <input type="search" aria-label=${texts.search} placeholder=${texts.search} ${ref(this.#search)} @input=${this.#searched} />
          <button class="icon" aria-label=${texts.close} title=${texts.close} @click=${this.close}>${closeIcon}</button>
        </div>
        ${
          hits.length === 0
            ? html`<p class="none">${texts.noConversations}</p>`
            : html`<ul>${repeat(
                hits,
                ({ conversation }) => conversation.id,
                (hit) => html`<li>${this.#item(hit, texts)}</li>`,
              )}</ul>`
        }
        <p class="told" role="status">
          ${this.#unreadable ? texts.notImported : nothing}
          ${undo ? html`${texts.deleted} <button class="text" @click=${undo}>${texts.undo}</button>` : nothing}
        </p>
        ${this.#files(texts)}
      </div>
    `
  }

  #item({ conversation, excerpt }: SearchHit, texts: Texts) {
    const { id, title, answering } = conversation
    if (id === this.#renaming) return this.#renameForm(id, title, texts)
    return html`
      <button class="listed" aria-current=${id === this.#chats.current.id ? 'true' : 'false'} dir="auto" @click=${() => this.#show(id)}>
        <span>${title}</span>${excerpt ? html`<small>${excerpt}</small>` : nothing}
        ${answering ? html`<span class="live"></span>` : nothing}
      </button>
      <button class="icon" aria-label="${texts.rename}: ${title}" title=${texts.rename} @click=${() => this.#rename(id)}>${editIcon}</button>
      <button class="icon" aria-label="${texts.delete}: ${title}" title=${texts.delete} @click=${() => this.#remove(id)}>${deleteIcon}</button>
    `
  }

  #renameForm(id: string, title: string, texts: Texts) {
    const done = (event: Event) => {
      event.preventDefault()
      void this.#chats.rename(id, (event.currentTarget as HTMLElement).querySelector('input')!.value)
      this.#rename(undefined)
    }
    return html`<form class="rename" @submit=${done}><input aria-label=${texts.rename} dir="auto" .value=${title} ${ref(selected)} /></form>`
  }

  #files(texts: Texts) {
    return html`
      <div class="files">
        <button class="text" ?disabled=${this.#chats.current.isEmpty} @click=${() => this.#saveMarkdown(texts)}>${texts.exportAs('Markdown')}</button>
        <button class="text" @click=${this.#saveJson}>${texts.exportAs('JSON')}</button>
        <label class="text">${texts.import}<input class="hidden" type="file" accept=".json,.md,application/json,text/markdown" @change=${this.#fileChosen} /></label>
      </div>
    `
  }

  #searched = async ({ target }: Event): Promise<void> => {
    const { value } = target as HTMLInputElement
    const hits = value.trim() === '' ? undefined : await this.#chats.search(value)
    // What was typed meanwhile has its own search.
    if ((target as HTMLInputElement).value !== value) return
    this.#hits = hits
    this.#host.requestUpdate()
  }

  #show(id: string): void {
    void this.#chats.open(id)
    void this.close()
  }

  #rename(id: string | undefined): void {
    this.#renaming = id
    this.#host.requestUpdate()
  }

  #remove(id: string): void {
    void this.#chats.remove(id)
    this.#hits = this.#hits?.filter(({ conversation }) => conversation.id !== id)
    this.#host.removed = 'conversation'
  }

  async #saveMarkdown(texts: Texts): Promise<void> {
    const { id, title } = this.#chats.current
    offerFile(`${title}.md`, 'text/markdown', await this.#chats.exportMarkdown(id, texts))
  }

  #saveJson = async (): Promise<void> => {
    offerFile('conversations.json', 'application/json', await this.#chats.exportJson())
  }

  #fileChosen = async ({ target }: Event): Promise<void> => {
    const input = target as HTMLInputElement
    const [file] = input.files!
    input.value = ''
    if (!file) return
    this.#unreadable = false
    await this.#chats.import(await file.text()).catch(() => {
      this.#unreadable = true
    })
    this.#host.requestUpdate()
  }

  #keyPressed = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.isComposing) return
    event.preventDefault()
    event.stopPropagation()
    if (this.#renaming === undefined) void this.close()
    else this.#rename(undefined)
  }
}

function selected(input: Element | undefined): void {
  queueMicrotask(() => (input as HTMLInputElement | undefined)?.select())
}

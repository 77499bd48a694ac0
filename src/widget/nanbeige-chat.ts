import { html, LitElement, nothing, type PropertyValues } from 'lit'
import { guard } from 'lit/directives/guard.js'
import { createRef, ref } from 'lit/directives/ref.js'
import { fetchModelId } from './client.ts'
import { Conversations } from './conversations.ts'
import { latestIcon, newChatIcon, sendIcon, stopIcon } from './icons.ts'
import { markdown } from './markdown.ts'
import { styles } from './styles.ts'
import { isUnfinished, type Turn } from './turns.ts'

/** Nearer to the end than this many pixels, a reader wants to follow the answer. */
const FOLLOW_DISTANCE = 48

const NOTES: Partial<Record<string, string>> = {
  stopped: 'Stopped.',
  cut: 'Cut at the length limit.',
}

/**
 * A chat with a model behind an OpenAI-compatible endpoint.
 *
 * @attr endpoint - origin of the server, such as https://chat.example.com; the page's own origin when left out
 */
export class NanbeigeChat extends LitElement {
  static override styles = styles
  static override properties = {
    endpoint: { type: String },
    modelId: { state: true },
    draft: { state: true },
    following: { state: true },
  }

  declare endpoint: string
  declare modelId: string | undefined
  declare draft: string
  /** Whether the newest text is kept in sight: not when the reader scrolled up. */
  declare following: boolean

  readonly #conversations = new Conversations(this)
  readonly #log = createRef<HTMLElement>()
  readonly #input = createRef<HTMLTextAreaElement>()
  #modelRequest: AbortController | undefined

  constructor() {
    super()
    this.endpoint = ''
    this.draft = ''
    this.following = true
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#modelRequest?.abort()
  }

  // Tokens may come faster than frames.
  protected override async scheduleUpdate(): Promise<void> {
    await new Promise(requestAnimationFrame)
    super.scheduleUpdate()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('endpoint')) void this.#loadModelId()
  }

  protected override updated(): void {
    const log = this.#log.value!
    if (this.following) log.scrollTop = log.scrollHeight
  }

  protected override render() {
    const { turns, answering } = this.#conversations.current
    const last = turns.at(-1)?.turn
    const error = last?.role === 'assistant' ? last.error : undefined
    return html`
      <header>
        <h2>${this.modelId ?? 'Chat'}</h2>
        <button class="quiet" @click=${this.#newChat} ?disabled=${turns.length === 0}>${newChatIcon} New chat</button>
      </header>
      <div class="scroller">
        <div class="log" role="log" aria-label="Conversation" aria-busy=${answering} tabindex="0"
          ${ref(this.#log)} @scroll=${this.#scrolled}>
          ${turns.length > 0 ? turns.map(({ turn }) => guard([turn], () => renderTurn(turn))) : html`<p class="welcome">What would you like to know?</p>`}
          ${error ? this.#renderError(error.message) : nothing}
        </div>
        <button class="latest" aria-label="Go to the newest text" ?hidden=${this.following} @click=${this.#goToLatest}>
          ${latestIcon}
        </button>
      </div>
      ${this.#renderComposer(answering)}
    `
  }

  #renderError(message: string) {
    return html`
      <div class="error" role="alert">
        <p>${message}</p>
        <button class="quiet" @click=${this.#retry}>Try again</button>
      </div>
    `
  }

  #renderComposer(answering: boolean) {
    return html`
      <form @submit=${this.#submit}>
        <label for="message" class="hidden">Message</label>
        <textarea id="message" rows="1" placeholder="Ask something" enterkeyhint="send" ${ref(this.#input)}
          .value=${this.draft} @input=${this.#typed} @keydown=${this.#keyPressed}></textarea>
        ${
          answering
            ? html`<button type="button" class="round" aria-label="Stop" @click=${this.#stop}>${stopIcon}</button>`
            : html`<button class="round" aria-label="Send" ?disabled=${!this.draft.trim()}>${sendIcon}</button>`
        }
      </form>
    `
  }

  async #loadModelId(): Promise<void> {
    this.#modelRequest?.abort()
    const request = new AbortController()
    this.#modelRequest = request
    // Without a name there is still a chat; what is wrong with the server shows when it is asked something.
    const modelId = await fetchModelId(this.endpoint, request.signal).catch(() => undefined)
    if (!request.signal.aborted) this.modelId = modelId
  }

  #typed = (): void => {
    this.draft = this.#input.value!.value
  }

  #keyPressed = (event: KeyboardEvent): void => {
    // Enter also ends the composition of a Chinese or Japanese word.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    this.#send()
  }

  #submit = (event: SubmitEvent): void => {
    event.preventDefault()
    this.#send()
  }

  #send(): void {
    const question = this.draft.trim()
    if (!question || this.#conversations.current.answering) return
    this.draft = ''
    this.following = true
    void this.#conversations.current.ask(question)
  }

  #stop = (): void => {
    this.#conversations.current.stop()
    this.#input.value!.focus()
  }

  #retry = (): void => {
    this.following = true
    void this.#conversations.current.retry()
    this.#input.value!.focus()
  }

  #newChat = (): void => {
    this.#conversations.create()
    this.following = true
    this.#input.value!.focus()
  }

  #scrolled = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = this.#log.value!
    this.following = scrollHeight - scrollTop - clientHeight < FOLLOW_DISTANCE
  }

  #goToLatest = (): void => {
    this.following = true
    this.#log.value!.focus()
  }
}

function renderTurn(turn: Turn) {
  if (turn.role === 'user') {
    return html`<article class="user"><h3 class="hidden">You</h3><p>${turn.content}</p></article>`
  }
  const { content, reasoning, state } = turn
  if (state === 'failed' && content === '' && reasoning === '') return nothing
  const growing = isUnfinished(turn)
  const waiting = growing && content === ''
  return html`
    <article class="assistant">
      <h3 class="hidden">Answer</h3>
      ${reasoning ? html`<details class="thinking"><summary>Thinking</summary><p>${reasoning}</p></details>` : nothing}
      ${
        waiting
          ? html`<p class="waiting" role="status"><span class="hidden">Waiting for the answer</span></p>`
          : html`<div class="markdown ${growing ? 'streaming' : ''}">${markdown(content)}</div>`
      }
      ${NOTES[state] ? html`<p class="note">${NOTES[state]}</p>` : nothing}
    </article>
  `
}

customElements.define('nanbeige-chat', NanbeigeChat)

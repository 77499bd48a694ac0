import { html, nothing, type PropertyValues } from 'lit'
import { createRef, ref } from 'lit/directives/ref.js'
import { ChatProperties } from './chat-properties.ts'
import { fetchModels, type Model } from './client.ts'
import { Conversations } from './conversations.ts'
import { latestIcon, listIcon, newChatIcon } from './icons.ts'
import { loadMarkdown } from './markdown/markdown.ts'
import { modelName } from './model-name.ts'
import { styles } from './styles.ts'
import { languageOf, textsFor } from './texts.ts'
import { Announcer } from './views/announcer.ts'
import { Composer } from './views/composer.ts'
import { ConversationList } from './views/conversation-list.ts'
import { isTouch } from './views/enter.ts'
import { exchanges } from './views/exchanges.ts'
import { Follower } from './views/follower.ts'
import { Reader } from './views/reader.ts'
import type { TurnActions, View } from './views/view.ts'

/** So long a conversation may still grow that was opened, or whose answer has ended: parts of it are drawn late. */
const SETTLED_MS = 1000

/** A chat with a model behind an OpenAI-compatible endpoint. */
export class NanbeigeChat extends ChatProperties {
  static override styles = styles
  static override properties = {
    ...ChatProperties.properties,
    served: { state: true },
    following: { state: true },
    removed: { state: true },
  }

  /** The model that answers, as the server describes it. */
  declare served: Model | undefined
  /** Whether the newest text is kept in sight: not when the reader scrolled up. */
  declare following: boolean
  /** What can be brought back. */
  declare removed: 'turn' | 'conversation' | undefined

  readonly #chats = new Conversations(this)
  readonly #reader = new Reader(this)
  readonly #announcer = new Announcer()
  readonly #composer = new Composer(this)
  readonly #list = new ConversationList(this, this.#chats)
  readonly #follower = new Follower((following) => {
    this.following = following
  })
  readonly #log = createRef<HTMLElement>()
  #words = textsFor('en', undefined)
  /** What has the focus before a drawing. */
  #focused: Element | null | undefined
  /** Of the conversation that was drawn last. */
  #drawn: string | undefined
  /** The question below which there is room for its answer. */
  #roomFor: string | undefined
  #clock: ReturnType<typeof setInterval> | undefined
  #settling: ReturnType<typeof setTimeout> | undefined
  #modelRequest: AbortController | undefined

  constructor() {
    super()
    this.following = true
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#modelRequest?.abort()
    this.#tick(false)
  }

  override focus(options?: FocusOptions): void {
    if (this.hasUpdated) this.#composer.focus(options)
    // Before its first frame there is nothing yet that could have it.
    else void this.updateComplete.then(() => this.#composer.focus(options))
  }

  /** Asks as if the reader had. */
  ask(message: string): void {
    this.#send(message)
  }

  /** Ends the answer under way; its text stays. */
  stop(): void {
    this.#chats.current.stop()
  }

  newConversation(): void {
    this.#chats.create()
  }

  /** @internal Where what had the focus is gone. A touch keyboard comes only for who wants to write. */
  regainFocus(): void {
    if (isTouch()) this.#log.value!.focus()
    else this.focus()
  }

  // Tokens may come faster than frames.
  protected override async scheduleUpdate(): Promise<void> {
    await new Promise(requestAnimationFrame)
    super.scheduleUpdate()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const asked = ['endpoint', 'model', 'apiKey', 'tokenProvider'] as const
    if (asked.some((name) => changed.has(name))) void this.#loadModel()
    if (!this.hasUpdated || changed.has('lang') || changed.has('texts')) {
      this.#words = textsFor(languageOf(this), this.texts)
    }
    const { answering, turns } = this.#chats.current
    if (answering) this.#roomFor = turns.findLast(({ turn }) => turn.role === 'user')?.turn.id
    this.#tick(answering)
    this.#focused = this.shadowRoot?.activeElement
  }

  protected override firstUpdated(): void {
    // Before the first answer needs it.
    void loadMarkdown()
    this.#follower.attach(this.#log.value)
    if (this.autofocus) this.focus()
  }

  protected override updated(): void {
    if (this.#focused?.isConnected === false) this.regainFocus()
    const { id, draft } = this.#chats.current
    if (id === this.#drawn) return
    this.#drawn = id
    this.#composer.draft = draft
    this.removed = this.removed === 'conversation' ? this.removed : undefined
    this.#follower.toEnd()
    this.#followWhileItSettles()
  }

  protected override render() {
    const { turns, answering } = this.#chats.current
    const texts = this.#words
    const empty = turns.length === 0
    return html`
      <div class="chat ${empty ? 'empty' : ''}" ?inert=${this.#list.isOpen} @keydown=${this.#keyPressed}>
        <header part="header">
          <button class="icon" aria-label=${texts.conversations} title=${texts.conversations} aria-haspopup="dialog" @click=${this.#list.open}>${listIcon}</button>
          <h2 part="heading">${this.heading ?? modelName(this.model ?? this.served?.id ?? '')}</h2>
          <slot name="header"></slot>
          <button class="icon" aria-label=${texts.newChat} title=${texts.newChat} ?disabled=${empty} @click=${this.#newChat}>${newChatIcon}</button>
        </header>
        <div class="scroller">
          <div class="log" part="log" role="log" aria-live="off" aria-label=${texts.conversation} aria-busy=${answering} tabindex="0" ${ref(this.#log)}>
            <div class="turns">
              ${empty ? html`<div class="welcome"><slot name="welcome"><p>${texts.welcome}</p></slot></div>` : exchanges(turns, this.#roomFor, this.#view)}
            </div>
          </div>
          <button class="latest" aria-label=${texts.goToLatest} title=${texts.goToLatest} ?hidden=${this.following || empty} @click=${this.#goToLatest}>${latestIcon}</button>
        </div>
        ${this.#renderComposer(answering)}
        <div class="suggestions">
          ${empty ? html`<slot name="suggestions">${this.suggestions.map((text) => html`<button class="quiet" @click=${() => this.#send(text)}>${text}</button>`)}</slot>` : nothing}
        </div>
        <div class="hidden announcer" role="status">${this.#announcer.say(turns.at(-1)?.turn, texts)}</div>
      </div>
      ${this.#list.render(texts, this.removed === 'conversation' ? this.#undo : undefined)}
    `
  }

  #renderComposer(answering: boolean) {
    const { current, settings, notice } = this.#chats
    return this.#composer.render({
      texts: this.#words,
      placeholder: this.placeholder,
      answering,
      queue: current.queue,
      effort: settings.effort,
      thinks: this.served?.capabilities?.reasoning !== false,
      notice: notice?.code,
      removed: this.removed === 'turn',
      send: this.#send,
      // Another conversation may be shown from the next frame on.
      stop: () => this.#chats.current.stop(),
      unqueue: (id) => this.#chats.current.unqueue(id),
      chooseEffort: (effort) => this.#chats.set({ effort }),
      drafted: (draft) => {
        this.#chats.current.draft = draft
      },
      dismissNotice: () => this.#chats.dismissNotice(),
      undo: this.#undo,
    })
  }

  get #view(): View {
    return {
      texts: this.#words,
      actions: this.#actions,
      reader: this.#reader,
      now: Date.now(),
      openThoughts: this.thoughts === 'open',
    }
  }

  readonly #actions: TurnActions = {
    answerNow: () => void this.#chats.current.answerNow(),
    retry: () => void this.#chats.current.retry(),
    regenerate: (id) => void this.#chats.current.regenerate(id),
    edit: (id, content) => void this.#chats.current.edit(id, content),
    switchBranch: (id, branch) => this.#chats.current.switchBranch(id, branch),
    continueAnswer: (id) => void this.#chats.current.continueAnswer(id),
    remove: (id) => {
      void this.#chats.current.remove(id)
      this.removed = 'turn'
    },
    decide: (id, callId, decision) => void this.#chats.current.decide(id, callId, decision),
    setKey: (key) => {
      this.#chats.set({ key })
      void this.#loadModel()
      void this.#chats.current.retry()
    },
    startAnew: () => void this.#chats.startAnew(),
    dropOldest: () => void this.#chats.current.retry({ dropOldest: true }),
  }

  #send = (message: string): void => {
    this.removed = undefined
    void this.#chats.current.ask(message)
    this.#follower.toEnd()
  }

  #undo = (): void => {
    if (this.removed === 'turn') void this.#chats.current.undoRemove()
    else void this.#chats.undoRemove()
    this.removed = undefined
  }

  #newChat = (): void => {
    this.newConversation()
    this.focus()
  }

  #goToLatest = (): void => {
    this.#follower.toEnd()
    this.#log.value!.focus()
  }

  #keyPressed = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.isComposing || event.keyCode === 229 || !this.#chats.current.answering) return
    event.preventDefault()
    this.stop()
    this.focus()
  }

  /** While an answer is under way its times go on, and its end is kept in sight. */
  #tick(answering: boolean): void {
    if (answering) {
      this.#follower.live = true
      this.#clock ??= setInterval(() => this.requestUpdate(), 1000)
    } else if (this.#clock !== undefined) {
      clearInterval(this.#clock)
      this.#clock = undefined
      this.#followWhileItSettles()
    }
  }

  #followWhileItSettles(): void {
    this.#follower.live = true
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => {
      this.#follower.live = this.#clock !== undefined
    }, SETTLED_MS)
  }

  async #loadModel(): Promise<void> {
    this.#modelRequest?.abort()
    const request = new AbortController()
    this.#modelRequest = request
    const server = { endpoint: this.endpoint, key: this.tokenProvider ?? this.#chats.settings.key }
    // Without its name there is still a chat; what is wrong with the server shows when it is asked something.
    const models = await fetchModels(server, request.signal).catch((): Model[] => [])
    if (!request.signal.aborted) this.served = models.find(({ id }) => id === this.model) ?? models[0]
  }
}

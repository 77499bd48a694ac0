import { Conversation } from './conversation.ts'
import { atRest } from './growing.ts'
import { KeptList, type StorageNotice } from './kept-list.ts'
import { setTabItem, tabItem } from './settings.ts'
import { summarize } from './summary.ts'
import type { Headings } from './transfer-markdown.ts'
import { type ChatHost, type ListedConversation, newId, type Settings } from './turns.ts'

export interface SearchHit {
  readonly conversation: ListedConversation
  /** Where it was found; undefined: in the title. */
  readonly excerpt?: string
}

/** The conversations of one element with one endpoint, one of them shown: a controller of Lit's, which begins when its host is connected. */
export class Conversations {
  readonly #host: ChatHost
  #kept!: KeptList
  #current!: Conversation
  #live = new Map<string, Conversation>()
  /** The one that was removed last, once it is. */
  #removed: Promise<Conversation | undefined> | undefined
  #leaving: ReturnType<typeof setTimeout> | undefined
  #left = true
  /** Of what is saved. */
  #reading: Promise<void> | undefined

  constructor(host: ChatHost & { addController?(controller: object): void }) {
    this.#host = host
    this.#prepare()
    host.addController?.(this)
  }

  /** The one that is shown; empty until saved ones are read. */
  get current(): Conversation {
    return this.#current
  }

  /** Saved ones are read. */
  get ready(): Promise<unknown> {
    return this.#kept.opened
  }

  /** The newest first. */
  get list(): readonly ListedConversation[] {
    return this.#kept.records.map(({ id, title = '', updatedAt }) => {
      const answering = this.#live.get(id)?.answering ?? false
      return { id, title, updatedAt, answering }
    })
  }

  get notice(): StorageNotice | undefined {
    return this.#kept.notice
  }

  dismissNotice(): void {
    this.#kept.notice = undefined
    this.#host.requestUpdate()
  }

  get settings(): Settings {
    return this.#kept.room.settings
  }

  /** @param changes undefined: as the page has it. */
  set(changes: Settings): void {
    this.#kept.room.set(changes)
  }

  /** An empty one. */
  create(): Conversation {
    if (!this.#current.isEmpty) this.#show(new Conversation(this.#kept.room))
    setTabItem(this.#kept.room.name, undefined)
    return this.#current
  }

  async open(id: string): Promise<void> {
    await this.#kept.opened
    const conversation = await this.#find(id)
    if (!conversation) return
    this.#show(conversation)
    setTabItem(this.#kept.room.name, id)
    await conversation.resume()
  }

  async rename(id: string, title: string): Promise<void> {
    const conversation = await this.#find(id)
    if (title.trim()) await conversation?.patch({ title: title.trim() })
  }

  /** `undoRemove` brings it back. */
  async remove(id: string): Promise<void> {
    this.#removed = this.#remove(id)
    await this.#removed
  }

  async undoRemove(): Promise<void> {
    const removing = this.#removed
    this.#removed = undefined
    await (await removing)?.patch({ removedAt: undefined })
  }

  async search(text: string): Promise<SearchHit[]> {
    const archive = await this.#kept.opened
    const { search } = await import('./search.ts')
    return search(text, this.list, archive)
  }

  /** @param ids left out: all. */
  async exportJson(ids?: readonly string[]): Promise<string> {
    const archive = await this.#kept.opened
    await Promise.all([...this.#live.values()].map((conversation) => conversation.flush()))
    const { exportJson } = await import('./transfer.ts')
    return exportJson(archive, ids ?? this.list.map(({ id }) => id))
  }

  /** What is shown of it. */
  async exportMarkdown(id: string, headings: Headings): Promise<string> {
    const conversation = await this.#find(id)
    const { exportMarkdown } = await import('./transfer-markdown.ts')
    return conversation ? exportMarkdown(conversation, newId(), headings) : ''
  }

  /** Of JSON or Markdown that was exported; what is there already stays. How many conversations came. Throws ImportError. */
  async import(text: string): Promise<number> {
    const archive = await this.#kept.opened
    const { importText } = await import('./transfer.ts')
    const ids = await importText(archive, text, atRest)
    await this.#kept.readRecords()
    return ids.length
  }

  /** The last question again, in a new conversation that begins with what was said in this one, in short. */
  async startAnew(): Promise<void> {
    const old = this.#current
    const question = old.turns.findLast(({ turn }) => turn.role === 'user')?.turn.content
    if (question === undefined) return
    const next = new Conversation(this.#kept.room)
    this.#show(next)
    await next.begin(summarize(old, this.#kept.room), question)
  }

  hostConnected(): void {
    // An element that is moved is taken out and put in again in one task.
    clearTimeout(this.#leaving)
    if (this.#left) this.#open()
  }

  hostDisconnected(): void {
    this.#leaving = setTimeout(() => void this.leave())
  }

  hostUpdate(): void {
    if (!this.#left && this.#host.endpoint !== this.#kept.endpoint) this.#open()
  }

  /** Lets go of all answers, which go on at the server, and saves: another element or tab may take them up. */
  async leave(): Promise<void> {
    const kept = this.#kept
    this.#left = kept.leave()
    // What is read at this moment is read to its end.
    await Promise.all([this.#reading, ...[...this.#live.values()].map((conversation) => conversation.leave())])
    kept.close()
  }

  #open(): void {
    if (!this.#left) void this.leave()
    this.#left = false
    // What was asked before the host was connected stays.
    if (this.#kept.isRead || this.#host.endpoint !== this.#kept.endpoint) this.#prepare()
    this.#reading = this.#read(this.#kept)
  }

  #prepare(): void {
    this.#kept?.replace()
    this.#live = new Map()
    this.#kept = new KeptList(this.#host, {
      isShown: (id) => id === this.#current.id,
      hear: async (word) => this.#live.get(word.conversation ?? '')?.hear(word),
    })
    this.#show(new Conversation(this.#kept.room))
  }

  async #read(kept: KeptList): Promise<void> {
    if (!(await kept.read())) return
    const { name } = kept.room
    const last = tabItem(name)
    const found = last === undefined ? undefined : await this.#find(last)
    // The reader may have begun another one meanwhile, or the page chosen another endpoint.
    const isSame = this.#kept === kept && tabItem(name) === last
    const isAwaited = isSame && this.#current.isEmpty && !this.#current.draft
    const saved = isAwaited ? found : undefined
    if (saved) this.#show(saved)
    this.#host.requestUpdate()
    kept.open()
    if (saved && !this.#left) void saved.resume()
  }

  async #find(id: string): Promise<Conversation | undefined> {
    const { room } = this.#kept
    const live = this.#live.get(id)
    if (live) return live
    const saved = await this.#kept.find(id)
    return saved && (this.#live.get(id) ?? new Conversation(room, saved.record, saved.turns))
  }

  async #remove(id: string): Promise<Conversation | undefined> {
    const conversation = await this.#find(id)
    if (!conversation) return undefined
    await conversation.end()
    if (conversation === this.#current) this.#show(new Conversation(this.#kept.room))
    await conversation.patch({ removedAt: Date.now() })
    return conversation
  }

  #show(conversation: Conversation): void {
    // Others are read again when they are opened, but answers go on.
    for (const [id, live] of this.#live) if (!live.answering && !live.isAsked) this.#live.delete(id)
    this.#live.set(conversation.id, conversation)
    this.#current = conversation
    this.#host.requestUpdate()
  }
}

import type { Server } from './client.ts'
import { Conversation } from './conversation.ts'
import { atRest } from './growing.ts'
import type { Room } from './room.ts'
import { type Archive, openArchive, type SavedConversation, type Word } from './saved.ts'
import { ReaderSettings, setTabItem, tabItem } from './settings.ts'
import { summarize } from './summary.ts'
import { type ChatHost, type ListedConversation, newId, type Settings } from './turns.ts'

/** So long a conversation that was removed can be brought back, and a draft is kept of one that was never begun. */
const KEPT_MS = 24 * 60 * 60_000

/** What the reader should know of how conversations are kept. */
export interface StorageNotice {
  /** 'full': no more room; 'gone': what is said is lost with the page. */
  readonly code: 'full' | 'gone'
}

export interface SearchHit {
  readonly conversation: ListedConversation
  /** Where it was found; undefined: in the title. */
  readonly excerpt?: string
}

/** The conversations of one element with one endpoint, one of them shown: a controller of Lit's, which begins when its host is connected. */
export class Conversations {
  readonly #host: ChatHost
  #endpoint: string | undefined
  #current!: Conversation
  #settings!: ReaderSettings
  #room!: Room
  #archive: Archive | undefined
  #opened!: PromiseWithResolvers<Archive>
  #records = new Map<string, SavedConversation>()
  #live = new Map<string, Conversation>()
  #notice: StorageNotice | undefined
  /** The reader knows that nothing can be saved now. */
  #isTold = false
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
    return this.#opened.promise
  }

  /** The newest first. */
  get list(): readonly ListedConversation[] {
    return [...this.#records.values()]
      .filter(({ title, removedAt }) => title !== undefined && removedAt === undefined)
      .sort((a, b) => b.updatedAt - a.updatedAt)
      .map((record) => this.#listed(record))
  }

  get notice(): StorageNotice | undefined {
    return this.#notice
  }

  dismissNotice(): void {
    this.#notice = undefined
    this.#host.requestUpdate()
  }

  get settings(): Settings {
    return this.#room.settings
  }

  /** @param changes undefined: as the page has it. */
  set(changes: Settings): void {
    this.#room.set(changes)
  }

  /** An empty one. */
  create(): Conversation {
    if (!this.#current.isEmpty) this.#show(new Conversation(this.#room))
    setTabItem(this.#room.name, undefined)
    return this.#current
  }

  async open(id: string): Promise<void> {
    await this.#opened.promise
    const conversation = await this.#find(id)
    if (!conversation) return
    this.#show(conversation)
    setTabItem(this.#room.name, id)
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
    await this.#opened.promise
    const { search } = await import('./search.ts')
    return search(text, this.list, this.#archive!)
  }

  /** @param ids left out: all. */
  async exportJson(ids?: readonly string[]): Promise<string> {
    await this.#opened.promise
    await Promise.all([...this.#live.values()].map((conversation) => conversation.flush()))
    const { exportJson } = await import('./transfer.ts')
    return exportJson(this.#archive!, ids ?? this.list.map(({ id }) => id))
  }

  /** What is shown of it. */
  async exportMarkdown(id: string): Promise<string> {
    const conversation = await this.#find(id)
    const { exportMarkdown } = await import('./transfer-markdown.ts')
    return conversation ? exportMarkdown(conversation, newId()) : ''
  }

  /** Of JSON or Markdown that was exported; what is there already stays. How many conversations came. Throws ImportError. */
  async import(text: string): Promise<number> {
    await this.#opened.promise
    const { importText } = await import('./transfer.ts')
    const ids = await importText(this.#archive!, text, atRest)
    await this.#readRecords()
    return ids.length
  }

  /** The last question again, in a new conversation that begins with what was said in this one, in short. */
  async startAnew(): Promise<void> {
    const old = this.#current
    const question = old.turns.findLast(({ turn }) => turn.role === 'user')?.turn.content
    if (question === undefined) return
    const next = new Conversation(this.#room)
    this.#show(next)
    await next.begin(summarize(old, this.#room), question)
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
    if (!this.#left && this.#host.endpoint !== this.#endpoint) this.#open()
  }

  /** Lets go of all answers, which go on at the server, and saves: another element or tab may take them up. */
  async leave(): Promise<void> {
    const archive = this.#archive
    this.#left = archive?.lasting ?? false
    // What is read at this moment is read to its end.
    await Promise.all([this.#reading, ...[...this.#live.values()].map((conversation) => conversation.leave())])
    if (archive?.lasting) archive.close()
  }

  #open(): void {
    if (!this.#left) void this.leave()
    this.#left = false
    // What was asked before the host was connected stays.
    if (this.#archive || this.#host.endpoint !== this.#endpoint) this.#prepare()
    this.#reading = this.#read(this.#room, this.#opened)
  }

  #prepare(): void {
    const { endpoint } = this.#host
    this.#endpoint = endpoint
    this.#archive = undefined
    this.#opened = Promise.withResolvers()
    this.#records = new Map()
    this.#live = new Map()
    this.#settings = new ReaderSettings(endpoint)
    this.#room = this.#roomFor(endpoint, this.#opened.promise)
    this.#show(new Conversation(this.#room))
  }

  async #read(room: Room, opened: PromiseWithResolvers<Archive>): Promise<void> {
    const archive = await openArchive(room.name)
    if (this.#room !== room) return archive.close()
    this.#archive = archive
    if (!archive.lasting) this.#notice = { code: 'gone' }
    archive.listen((word) => void this.#hear(word, archive))
    await this.#settings.load(archive)
    await this.#readRecords()
    const last = tabItem(room.name)
    const found = last === undefined ? undefined : await this.#find(last)
    // The reader may have begun another one meanwhile.
    const isAwaited = tabItem(room.name) === last && this.#current.isEmpty && !this.#current.draft
    const saved = isAwaited ? found : undefined
    if (saved) this.#show(saved)
    this.#host.requestUpdate()
    opened.resolve(archive)
    if (saved && !this.#left) void saved.resume()
  }

  async #readRecords(): Promise<void> {
    const archive = this.#archive!
    const records = await archive.conversations()
    for (const record of records) {
      const { id, title, updatedAt } = record
      // One that was never begun has a draft at most.
      const over = record.removedAt ?? (title === undefined ? updatedAt : Number.POSITIVE_INFINITY)
      if (Date.now() - over > KEPT_MS) await archive.forget(id)
      else this.#records.set(id, record)
    }
    this.#host.requestUpdate()
  }

  async #hear(word: Word, archive: Archive): Promise<void> {
    const { conversation: id } = word
    await this.#room.keep(async () => {
      if (id === undefined) return this.#settings.load(archive)
      const record = await archive.conversation(id)
      if (record) this.#records.set(record.id, record)
    })
    this.#host.requestUpdate()
    await this.#live.get(id ?? '')?.hear(word)
  }

  async #find(id: string): Promise<Conversation | undefined> {
    const live = this.#live.get(id)
    if (live) return live
    const [record, turns] = await Promise.all([this.#archive?.conversation(id), this.#archive?.turns(id)])
    if (!record || record.removedAt !== undefined) return undefined
    return this.#live.get(id) ?? new Conversation(this.#room, record, turns)
  }

  async #remove(id: string): Promise<Conversation | undefined> {
    const conversation = await this.#find(id)
    if (!conversation) return undefined
    await conversation.end()
    if (conversation === this.#current) this.#show(new Conversation(this.#room))
    await conversation.patch({ removedAt: Date.now() })
    return conversation
  }

  #show(conversation: Conversation): void {
    // Others are read again when they are opened, but answers go on.
    for (const [id, live] of this.#live) if (!live.answering) this.#live.delete(id)
    this.#live.set(conversation.id, conversation)
    this.#current = conversation
    this.#host.requestUpdate()
  }

  #listed({ id, title = '', updatedAt }: SavedConversation): ListedConversation {
    return { id, title, updatedAt, answering: this.#live.get(id)?.answering ?? false }
  }

  #roomFor(endpoint: string, opened: Promise<Archive>): Room {
    const host = this.#host
    const settings = this.#settings
    const keep = async (use: (archive: Archive) => Promise<void>) => {
      const archive = await opened
      try {
        await use(archive)
        this.#isTold = false
        return true
      } catch (error) {
        if (this.#left || this.#archive !== archive) return false
        // Once, not with every piece of an answer.
        if (!this.#isTold) this.#notice = { code: (error as Error).name === 'QuotaExceededError' ? 'full' : 'gone' }
        this.#isTold = true
        host.requestUpdate()
        return false
      }
    }
    const room: Room = {
      name: `nanbeige-chat:${endpoint}`,
      keep,
      get tools() {
        return host.tools ?? []
      },
      get settings() {
        return withDefaults(settings.current, host.defaults)
      },
      get server(): Server {
        return { endpoint, key: settings.current.key ?? host.tokenProvider ?? host.defaults?.key }
      },
      set(changes) {
        settings.set(changes)
        host.requestUpdate()
        void keep((archive) => settings.save(archive))
      },
      changed: (record) => {
        // Of another endpoint meanwhile.
        if (this.#room !== room) return
        if (record) this.#records.set(record.id, record)
        // A reload shows it again.
        if (record && record.id === this.#current.id) setTabItem(room.name, record.id)
        host.requestUpdate()
      },
      tell: (event) => host.chatEvent?.(event),
    }
    return room
  }
}

function withDefaults(settings: Settings, defaults: Settings = {}): Settings {
  const set = Object.entries(settings).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(set) }
}

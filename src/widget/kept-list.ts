import type { Room } from './room.ts'
import { type Archive, openArchive, type SavedConversation, type SavedTurn, type Word } from './saved.ts'
import { ReaderSettings, setTabItem } from './settings.ts'
import type { ChatHost, Settings } from './turns.ts'

/** So long a conversation that was removed can be brought back, and a draft is kept of one that was never begun. */
const KEPT_MS = 24 * 60 * 60_000

/** What the reader should know of how conversations are kept. */
export interface StorageNotice {
  /** 'full': no more room; 'gone': what is said is lost with the page. */
  readonly code: 'full' | 'gone'
}

/** The conversations of the list that are in memory. */
export interface Live {
  isShown(id: string): boolean
  /** What another tab says of one. */
  hear(word: Word): Promise<void>
}

/** The conversations with one endpoint as they are kept: their archive, their records, and what the reader has set. */
export class KeptList {
  readonly endpoint: string
  readonly room: Room
  notice: StorageNotice | undefined
  readonly #host: ChatHost
  readonly #live: Live
  readonly #settings: ReaderSettings
  readonly #opened = Promise.withResolvers<Archive>()
  readonly #records = new Map<string, SavedConversation>()
  #archive: Archive | undefined
  /** The reader knows that nothing can be saved now. */
  #isTold = false
  #isLeft = false
  #isReplaced = false

  constructor(host: ChatHost, live: Live) {
    this.#host = host
    this.#live = live
    this.endpoint = host.endpoint
    this.#settings = new ReaderSettings(this.endpoint)
    this.room = this.#roomFor(`nanbeige-chat:${this.endpoint}`)
  }

  /** Once the list is read, and `open` was called. */
  get opened(): Promise<Archive> {
    return this.#opened.promise
  }

  /** It is being read, or was. */
  get isRead(): boolean {
    return this.#archive !== undefined
  }

  /** The newest first. */
  get records(): readonly SavedConversation[] {
    return [...this.#records.values()]
      .filter(({ title, removedAt }) => title !== undefined && removedAt === undefined)
      .sort((a, b) => b.updatedAt - a.updatedAt)
  }

  /** Opens the archive and reads the list; false: another one has taken its place before that. */
  async read(): Promise<boolean> {
    const archive = await openArchive(this.room.name)
    if (this.#isReplaced) {
      archive.close()
      return false
    }
    this.#archive = archive
    if (!archive.lasting) this.notice = { code: 'gone' }
    archive.listen((word) => void this.#hear(word, archive))
    await this.#settings.load(archive)
    await this.readRecords()
    return true
  }

  /** From now on the archive is used. */
  open(): void {
    this.#opened.resolve(this.#archive!)
  }

  async readRecords(): Promise<void> {
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

  /** undefined: there is none, or it was removed. */
  async find(id: string): Promise<{ record: SavedConversation; turns: SavedTurn[] } | undefined> {
    const [record, turns] = await Promise.all([this.#archive?.conversation(id), this.#archive?.turns(id)])
    return record && turns && record.removedAt === undefined ? { record, turns } : undefined
  }

  /** Nobody is to hear of what goes wrong from now on. Whether it has to be opened again by who comes back. */
  leave(): boolean {
    this.#isLeft = this.#archive?.lasting ?? false
    return this.#isLeft
  }

  /** After `leave`. */
  close(): void {
    if (this.#isLeft) this.#archive!.close()
  }

  /** Another one takes the place of this one. */
  replace(): void {
    this.#isReplaced = true
  }

  async #hear(word: Word, archive: Archive): Promise<void> {
    const { conversation: id } = word
    await this.room.keep(async () => {
      if (id === undefined) return this.#settings.load(archive)
      const record = await archive.conversation(id)
      if (record) this.#records.set(record.id, record)
    })
    this.#host.requestUpdate()
    await this.#live.hear(word)
  }

  async #keep(use: (archive: Archive) => Promise<void>): Promise<boolean> {
    const archive = await this.opened
    try {
      await use(archive)
      this.#isTold = false
      return true
    } catch (error) {
      if (this.#isLeft || this.#isReplaced) return false
      // Once, not with every piece of an answer.
      if (!this.#isTold) this.notice = { code: (error as Error).name === 'QuotaExceededError' ? 'full' : 'gone' }
      this.#isTold = true
      this.#host.requestUpdate()
      return false
    }
  }

  #changed(record: SavedConversation | undefined): void {
    // Of another endpoint meanwhile.
    if (this.#isReplaced) return
    if (record) this.#records.set(record.id, record)
    // A reload shows it again.
    if (record && this.#live.isShown(record.id)) setTabItem(this.room.name, record.id)
    this.#host.requestUpdate()
  }

  #roomFor(name: string): Room {
    const host = this.#host
    const { endpoint } = this
    const settings = this.#settings
    return {
      name,
      keep: (use) => this.#keep(use),
      get tools() {
        return host.tools ?? []
      },
      get settings() {
        return withDefaults(settings.current, host.defaults)
      },
      get server() {
        return { endpoint, key: settings.current.key ?? host.tokenProvider ?? host.defaults?.key }
      },
      set: (changes) => {
        settings.set(changes)
        host.requestUpdate()
        void this.#keep((archive) => settings.save(archive))
      },
      changed: (record) => this.#changed(record),
      tell: (event) => host.chatEvent?.(event),
    }
  }
}

function withDefaults(settings: Settings, defaults: Settings = {}): Settings {
  const set = Object.entries(settings).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(set) }
}

import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import type { DecidedCall } from './tools.ts'
import type { Chosen } from './turn-tree.ts'
import type { QueuedMessage, Settings, Turn } from './turns.ts'
import { within } from './within.ts'

export interface SavedConversation {
  readonly id: string
  /** By the reader; undefined: its first question stands for it. */
  readonly title?: string
  readonly createdAt: number
  /** Of its newest turn. */
  readonly updatedAt: number
  readonly draft: string
  readonly queue: readonly QueuedMessage[]
  readonly chosen: Chosen
  /** What an older conversation said, which this one goes on with. */
  readonly summary?: string
  /** It can be brought back for a while. */
  readonly removedAt?: number
}

export interface SavedTurn {
  readonly conversation: string
  readonly turn: Turn
  /** With all that follow it; it can be brought back for a while. Where a turn is saved with it, be it undefined, the rest stays. */
  readonly removedAt?: number
}

export interface Changes {
  /** Fields of one conversation; the others stay as they are, whoever has set them. */
  readonly conversation?: Partial<SavedConversation> & { readonly id: string }
  readonly turns?: readonly SavedTurn[]
}

/** What another tab has changed, or asks of the one that has an answer under way. */
export type Word =
  | { readonly type: 'changed'; readonly conversation?: string; readonly turns: readonly string[] }
  | { readonly type: 'stop'; readonly conversation: string }
  | { readonly type: 'decide'; readonly conversation: string; readonly decided: DecidedCall }

export type QueueEdit = (queue: readonly QueuedMessage[]) => readonly QueuedMessage[]

/** Where conversations are kept. Its promises reject where there is no more room, or the store is gone. */
export interface Archive {
  /** false: in memory, until the page is left. */
  readonly lasting: boolean
  conversations(): Promise<SavedConversation[]>
  conversation(id: string): Promise<SavedConversation | undefined>
  turns(conversation: string): Promise<SavedTurn[]>
  turn(id: string): Promise<SavedTurn | undefined>
  /** All in one transaction. */
  save(changes: Changes): Promise<void>
  /** Resolves to the queue as it was before; no other tab changes it meanwhile. */
  editQueue(conversation: string, edit: QueueEdit): Promise<readonly QueuedMessage[] | undefined>
  /** For ever. */
  forget(conversation: string, turns?: readonly string[]): Promise<void>
  settings(): Promise<Settings>
  saveSettings(settings: Settings): Promise<void>
  /** Words of other tabs, until the archive is closed. */
  listen(hear: (word: Word) => void): void
  tell(word: Word): void
  close(): void
}

interface Schema extends DBSchema {
  conversations: { key: string; value: SavedConversation }
  turns: { key: string; value: SavedTurn; indexes: { conversation: string } }
  settings: { key: string; value: Settings }
}

/** A database that does not open by then never does (Safari, now and then). */
const OPENED_WITHIN_MS = 10_000

/** In IndexedDB; in memory where there is none, as in some private windows. */
export async function openArchive(name: string): Promise<Archive> {
  try {
    const opening = openDB<Schema>(name, 1, {
      upgrade(database) {
        database.createObjectStore('conversations', { keyPath: 'id' })
        database.createObjectStore('turns', { keyPath: 'turn.id' }).createIndex('conversation', 'conversation')
        database.createObjectStore('settings')
      },
      // A newer version of this page is about to change it.
      blocking: (_, __, { target }) => (target as IDBDatabase).close(),
    })
    const database = await within(opening, OPENED_WITHIN_MS)
    return database ? new LastingArchive(name, database) : new PassingArchive()
  } catch {
    return new PassingArchive()
  }
}

class LastingArchive implements Archive {
  readonly lasting = true
  readonly #database: IDBPDatabase<Schema>
  readonly #channel: BroadcastChannel | undefined

  constructor(name: string, database: IDBPDatabase<Schema>) {
    this.#database = database
    this.#channel = globalThis.BroadcastChannel && new BroadcastChannel(name)
  }

  conversations() {
    return this.#database.getAll('conversations')
  }

  conversation(id: string) {
    return this.#database.get('conversations', id)
  }

  turns(conversation: string) {
    return this.#database.getAllFromIndex('turns', 'conversation', conversation)
  }

  turn(id: string) {
    return this.#database.get('turns', id)
  }

  async save({ conversation, turns = [] }: Changes): Promise<void> {
    const transaction = this.#database.transaction(['conversations', 'turns'], 'readwrite')
    const conversations = transaction.objectStore('conversations')
    const put = async () => {
      if (!conversation) return
      const before = await conversations.get(conversation.id)
      await conversations.put({ ...before, ...conversation } as SavedConversation)
    }
    const store = transaction.objectStore('turns')
    const all = turns.map(async (saved) => {
      const before = await store.get(saved.turn.id)
      // An answer that grows here may have been taken away by another tab, and one that grows there may be taken away here.
      await store.put(
        'removedAt' in saved
          ? { ...saved, ...before, removedAt: saved.removedAt }
          : { ...saved, removedAt: before?.removedAt },
      )
    })
    await Promise.all([put(), ...all, transaction.done])
    const id = conversation?.id ?? turns[0]?.conversation
    this.tell({ type: 'changed', conversation: id, turns: turns.map(({ turn }) => turn.id) })
  }

  async editQueue(id: string, edit: QueueEdit): Promise<readonly QueuedMessage[] | undefined> {
    const { store, done } = this.#database.transaction('conversations', 'readwrite')
    const saved = await store.get(id)
    if (saved) await store.put({ ...saved, queue: edit(saved.queue) })
    await done
    this.tell({ type: 'changed', conversation: id, turns: [] })
    return saved?.queue
  }

  async forget(conversation: string, turns?: readonly string[]): Promise<void> {
    const transaction = this.#database.transaction(['conversations', 'turns'], 'readwrite')
    const store = transaction.objectStore('turns')
    const ids = turns ?? (await store.index('conversation').getAllKeys(conversation))
    if (!turns) await transaction.objectStore('conversations').delete(conversation)
    await Promise.all([...ids.map((id) => store.delete(id)), transaction.done])
  }

  async settings(): Promise<Settings> {
    return (await this.#database.get('settings', 'settings')) ?? {}
  }

  async saveSettings(settings: Settings): Promise<void> {
    await this.#database.put('settings', settings, 'settings')
    this.tell({ type: 'changed', turns: [] })
  }

  listen(hear: (word: Word) => void): void {
    this.#channel?.addEventListener('message', ({ data }) => hear(data))
  }

  tell(word: Word): void {
    this.#channel?.postMessage(word)
  }

  close(): void {
    this.#channel?.close()
    this.#database.close()
  }
}

class PassingArchive implements Archive {
  readonly lasting = false
  readonly #conversations = new Map<string, SavedConversation>()
  readonly #turns = new Map<string, SavedTurn>()
  #settings: Settings = {}

  async conversations() {
    return [...this.#conversations.values()]
  }

  async conversation(id: string) {
    return this.#conversations.get(id)
  }

  async turns(conversation: string) {
    return [...this.#turns.values()].filter((turn) => turn.conversation === conversation)
  }

  async turn(id: string) {
    return this.#turns.get(id)
  }

  async save({ conversation, turns = [] }: Changes): Promise<void> {
    if (conversation) {
      const before = this.#conversations.get(conversation.id)
      this.#conversations.set(conversation.id, { ...before, ...conversation } as SavedConversation)
    }
    for (const turn of turns) this.#turns.set(turn.turn.id, turn)
  }

  async editQueue(id: string, edit: QueueEdit): Promise<readonly QueuedMessage[] | undefined> {
    const saved = this.#conversations.get(id)
    if (saved) this.#conversations.set(id, { ...saved, queue: edit(saved.queue) })
    return saved?.queue
  }

  async forget(conversation: string, turns?: readonly string[]): Promise<void> {
    for (const id of turns ?? (await this.turns(conversation)).map(({ turn }) => turn.id)) this.#turns.delete(id)
    if (!turns) this.#conversations.delete(conversation)
  }

  async settings(): Promise<Settings> {
    return this.#settings
  }

  async saveSettings(settings: Settings): Promise<void> {
    this.#settings = settings
  }

  listen(): void {}

  tell(): void {}

  close(): void {}
}

import type { Archive } from './saved.ts'
import type { Settings } from './turns.ts'

/** The key is no part of what lasts: it ends with the tab. */
const KEY_ITEM = 'nanbeige-chat-key'

/** What the reader has set. */
export class ReaderSettings {
  readonly #endpoint: string
  #settings: Settings = {}

  /** @param endpoint a key is for it alone. */
  constructor(endpoint: string) {
    this.#endpoint = endpoint
    this.#settings = { key: tabItem(this.#keyItem) }
  }

  get current(): Settings {
    return this.#settings
  }

  async load(archive: Archive): Promise<void> {
    this.#settings = { ...(await archive.settings()), key: this.#settings.key }
  }

  /** @param changes undefined: as the page has it. */
  set(changes: Settings): void {
    this.#settings = { ...this.#settings, ...changes }
    if ('key' in changes) setTabItem(this.#keyItem, changes.key)
  }

  save(archive: Archive): Promise<void> {
    const { key: _, ...lasting } = this.#settings
    return archive.saveSettings(lasting)
  }

  get #keyItem(): string {
    return `${KEY_ITEM}:${this.#endpoint}`
  }
}

/** What is kept as long as the tab, over reloads; undefined where nothing can be, as in a page without cookies. */
export function tabItem(name: string): string | undefined {
  try {
    return sessionStorage.getItem(name) ?? undefined
  } catch {
    return undefined
  }
}

export function setTabItem(name: string, value: string | undefined): void {
  try {
    if (value === undefined) sessionStorage.removeItem(name)
    else sessionStorage.setItem(name, value)
  } catch {
    // It is kept until the page is left.
  }
}

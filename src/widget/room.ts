import type { Server } from './client.ts'
import type { Archive, SavedConversation } from './saved.ts'
import type { ChatEvent, Settings, Tool } from './turns.ts'

/** What the conversations of one element with one endpoint share. */
export interface Room {
  /** Of its archive, in all tabs. */
  readonly name: string
  readonly server: Server
  readonly tools: readonly Tool[]
  /** The reader's before the page's. */
  readonly settings: Settings
  /** @param changes undefined: as the page has it. */
  set(changes: Settings): void
  /** Something that is shown. @param record of the conversation, where that is it. */
  changed(record?: SavedConversation): void
  tell(event: ChatEvent): void
  /** Uses the archive once it is open. false: it failed; the reader is told, and what was to be kept stays in memory. */
  keep(use: (archive: Archive) => Promise<void>): Promise<boolean>
}

/** In the order of their calls, one after the other in all tabs; in this tab only where there are no locks, as without https. */
export async function locked(name: string, signal: AbortSignal, run: () => Promise<void>): Promise<void> {
  if (globalThis.navigator?.locks) {
    await navigator.locks.request(name, { signal }, run)
    return
  }
  const before = waiting.get(name) ?? Promise.resolve()
  const turn = before.then(() => (signal.aborted ? undefined : run()))
  const settled = turn.catch(() => {})
  waiting.set(name, settled)
  await turn
  signal.throwIfAborted()
}

const waiting = new Map<string, Promise<void>>()

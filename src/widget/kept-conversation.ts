import { newAnswer } from './growing.ts'
import type { Room } from './room.ts'
import type { QueueEdit, SavedConversation, SavedTurn } from './saved.ts'
import { decided } from './tools.ts'
import { TurnTree } from './turn-tree.ts'
import { newId, type QueuedMessage, type ShownTurn, type ToolCall, type Turn, type UserTurn } from './turns.ts'

/**
 * Between savings of an answer that grows. What is saved is a whole turn: its text, and the place of the stream up to which it goes, so that
 * whoever loads it goes on from there.
 */
const SAVE_EVERY_MS = 400
const MAX_TITLE = 60

/** A conversation and its turns, in memory and in the archive. */
export class KeptConversation {
  readonly tree = new TurnTree()
  readonly #room: Room
  readonly #unsaved = new Map<string, Turn>()
  #record: SavedConversation
  #isNew: boolean
  #draftUnsaved = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(room: Room, record?: SavedConversation, turns: readonly SavedTurn[] = []) {
    const now = Date.now()
    this.#room = room
    this.#isNew = record === undefined
    this.#record = record ?? { id: newId(), createdAt: now, updatedAt: now, draft: '', queue: [], chosen: {} }
    for (const turn of turns) this.#take(turn)
  }

  get record(): SavedConversation {
    return this.#record
  }

  /** Along the chosen branches. */
  shown(): ShownTurn[] {
    return this.tree.shown(this.#record.chosen)
  }

  last(): Turn | undefined {
    return this.shown().at(-1)?.turn
  }

  /** The turns of a question, for `show`: the last one is its answer. */
  question(content: string, parent: string | undefined) {
    const now = Date.now()
    const user: UserTurn = { id: newId(), parent, role: 'user', content, createdAt: now }
    this.#room.tell({ type: 'send', turn: user })
    const last = parent === undefined ? undefined : this.tree.get(parent)
    // Who asks something else does not allow what waits.
    const refused = last?.role === 'assistant' && last.toolCalls.some(isAsking) ? [decided(last, 'refuse')] : []
    return { turn: newAnswer(user.id, now), beside: [...refused, user] }
  }

  /** Shows turns, and their branches; saves them. */
  show(turns: readonly Turn[]): Promise<void> {
    const chosen = { ...this.#record.chosen }
    for (const { id, parent } of turns) chosen[parent ?? ''] = id
    const first = turns.find(({ role }) => role === 'user')
    const title = this.#record.title ?? (first && titleOf(first.content))
    return this.put(turns, { chosen, title, updatedAt: Date.now() })
  }

  /** Shows the branch of a turn. */
  choose({ id, parent }: Turn): Promise<void> {
    return this.patch({ chosen: { ...this.#record.chosen, [parent ?? '']: id } })
  }

  /** Shows turns and saves them, in one transaction. */
  async put(turns: readonly Turn[], fields: Partial<SavedConversation> = {}): Promise<void> {
    for (const turn of turns) this.tree.set(turn)
    for (const turn of turns) this.#unsaved.set(turn.id, turn)
    await this.patch(fields)
  }

  /** Shows a turn, and saves it with what comes soon. */
  putSoon(turn: Turn): void {
    this.tree.set(turn)
    this.#unsaved.set(turn.id, turn)
    this.#saveSoon()
  }

  setDraft(draft: string): void {
    this.#record = { ...this.#record, draft }
    this.#draftUnsaved = true
    this.#saveSoon()
  }

  /** Saves fields, and all that waits for it. */
  async patch(fields: Partial<SavedConversation>): Promise<void> {
    this.#record = { ...this.#record, ...fields }
    const changes = this.#isNew ? this.#record : this.#draftUnsaved ? { ...fields, draft: this.#record.draft } : fields
    const turns = [...this.#unsaved.values()].map((turn) => this.#saved(turn))
    this.#isNew = false
    this.#draftUnsaved = false
    this.#unsaved.clear()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#room.changed(this.#record)
    const conversation = Object.keys(changes).length > 0 ? { ...changes, id: this.#record.id } : undefined
    const kept = await this.#room.keep((archive) => archive.save({ conversation, turns }))
    if (kept) return
    // The next time may be better.
    this.#isNew = true
    for (const saved of turns) if (!this.#unsaved.has(saved.turn.id)) this.#unsaved.set(saved.turn.id, saved.turn)
  }

  /** Saves what waits for it. */
  async flush(): Promise<void> {
    if (this.#timer !== undefined) await this.patch({})
  }

  /** Takes a turn away, with all that follows it. */
  async remove(turn: Turn): Promise<void> {
    this.tree.delete(turn.id)
    this.#unsaved.delete(turn.id)
    this.#room.changed()
    const turns = [{ ...this.#saved(turn), removedAt: Date.now() }]
    await this.#room.keep((archive) => archive.save({ turns }))
  }

  /** Undoes `remove`. */
  async bringBack(turn: Turn): Promise<void> {
    this.tree.set(turn)
    this.#room.changed()
    const turns = [{ ...this.#saved(turn), removedAt: undefined }]
    await this.#room.keep((archive) => archive.save({ turns }))
    await this.reload([turn.id])
  }

  /** Puts a message behind the others. */
  async enqueue(message: QueuedMessage): Promise<void> {
    if (this.#isNew) await this.patch({ queue: [...this.#record.queue, message] })
    else await this.#editQueue((queue) => [...queue, message])
  }

  /** Takes out the next message, or another one; undefined: it is gone, or another tab has it. */
  async dequeue(id?: string): Promise<QueuedMessage | undefined> {
    const at = (queue: readonly QueuedMessage[]) => queue.find((message) => id === undefined || message.id === id)
    return at(await this.#editQueue((queue) => queue.filter((message) => message !== at(queue))))
  }

  /** The queue as it was before. */
  async #editQueue(edit: QueueEdit): Promise<readonly QueuedMessage[]> {
    const { id, queue } = this.#record
    const shown = edit(queue)
    this.#record = { ...this.#record, queue: shown }
    this.#room.changed(this.#record)
    let before: readonly QueuedMessage[] | undefined
    if (!this.#isNew) {
      await this.#room.keep(async (archive) => {
        before = await archive.editQueue(id, edit)
      })
    }
    if (before === undefined) return queue
    this.#record = { ...this.#record, queue: edit(before) }
    this.#room.changed(this.#record)
    return before
  }

  /** Reads again what other tabs have changed. @param turnIds left out: of all turns. */
  async reload(turnIds?: readonly string[]): Promise<void> {
    await this.#room.keep(async (archive) => {
      const { id } = this.#record
      const reading = turnIds ? Promise.all(turnIds.map((turn) => archive.turn(turn))) : archive.turns(id)
      const [record, turns] = await Promise.all([archive.conversation(id), reading])
      // What is typed and looked at here stays.
      const { draft, chosen } = this.#record
      // What could not be saved is newer.
      if (record && !this.#isNew) this.#record = { ...record, draft, chosen: { ...record.chosen, ...chosen } }
      for (const turn of turns) if (turn && !this.#unsaved.has(turn.turn.id)) this.#take(turn)
    })
    this.#room.changed(this.#record)
  }

  #take({ turn, removedAt }: SavedTurn): void {
    if (removedAt === undefined) this.tree.set(turn)
    else this.tree.delete(turn.id)
  }

  #saved(turn: Turn): SavedTurn {
    return { conversation: this.#record.id, turn }
  }

  #saveSoon(): void {
    this.#timer ??= setTimeout(() => void this.patch({}), SAVE_EVERY_MS)
    this.#room.changed()
  }
}

/** The first line, not too long. */
function titleOf(question: string): string {
  const line = question.trim().split('\n')[0].trim()
  return line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE).trimEnd()}…` : line
}

function isAsking({ state }: ToolCall): boolean {
  return state === 'asking'
}

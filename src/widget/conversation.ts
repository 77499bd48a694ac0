import { LEFT, turnError } from './answer-run.ts'
import { Answering } from './answering.ts'
import { answerNow } from './client.ts'
import { ended, hasText, newAnswer } from './growing.ts'
import { KeptConversation } from './kept-conversation.ts'
import type { Room } from './room.ts'
import type { SavedConversation, SavedTurn, Word } from './saved.ts'
import type { Decision } from './tools.ts'
import { newId, type QueuedMessage, type ShownTurn, type Turn } from './turns.ts'

/** A conversation: turns with branches, at most one answer under way in all tabs, and messages that wait for it. */
export class Conversation {
  readonly #room: Room
  readonly #kept: KeptConversation
  readonly #answering: Answering
  /** What was taken away last, once it is. */
  #removed: Promise<Turn | undefined> | undefined

  constructor(room: Room, record?: SavedConversation, turns: readonly SavedTurn[] = []) {
    this.#room = room
    this.#kept = new KeptConversation(room, record, turns)
    this.#answering = new Answering(room, this.#kept)
  }

  get id(): string {
    return this.#kept.record.id
  }

  /** From the first turn to the last, along the chosen branches. */
  get turns(): readonly ShownTurn[] {
    return this.#kept.shown().map((shown) => ({ ...shown, turn: this.#looks(shown.turn) }))
  }

  /** undefined: nothing was said yet. */
  get title(): string | undefined {
    return this.#kept.record.title
  }

  get updatedAt(): number {
    return this.#kept.record.updatedAt
  }

  /** Nothing was asked yet. */
  get isEmpty(): boolean {
    return !this.isAsked && this.#kept.shown().length === 0
  }

  /** A question is about to be sent, or waits. */
  get isAsked(): boolean {
    return this.#answering.isSending || this.#kept.record.queue.length > 0
  }

  get answering(): boolean {
    return this.#answering.turn !== undefined
  }

  /** What an older conversation said; undefined where this one follows none. */
  get summary(): string | undefined {
    return this.#kept.record.summary
  }

  get draft(): string {
    return this.#kept.record.draft
  }

  set draft(draft: string) {
    this.#kept.setDraft(draft)
  }

  /** Messages that wait, the next one first. */
  get queue(): readonly QueuedMessage[] {
    return this.#answering.isSending ? [] : this.#kept.record.queue
  }

  /** During an answer the message waits for its end. Resolves when it is answered, or waits. */
  async ask(content: string): Promise<void> {
    const waits = this.answering
    // By the queue in any case: tabs take what they ask out of it one after the other.
    await this.#kept.enqueue({ id: newId(), content })
    if (!waits) await this.#answering.sendQueue()
  }

  /** Takes a message out of the queue: its text, for the composer. */
  unqueue(id: string): string | undefined {
    const message = this.queue.find((queued) => queued.id === id)
    if (message) void this.#kept.dequeue(id)
    return message?.content
  }

  /** Ends the answer, and keeps what there is of it. Messages of the queue come next. */
  stop(): void {
    this.#answering.stop()
  }

  /** Ends the thinking; whether the answer comes now. */
  async answerNow(): Promise<boolean> {
    const place = this.#answering.turn?.completion
    return place?.lastEventId !== undefined && (await answerNow(this.#room.server, place).catch(() => false))
  }

  /**
   * Asks again for the last answer, which did not come to its end: what there is of it stays until there is better, and then as a branch.
   * @param dropOldest turns are left out until the others have room.
   */
  async retry({ dropOldest = false } = {}): Promise<void> {
    const last = this.#kept.last()
    if (!last || this.answering) return
    const blank = newAnswer(last.role === 'user' ? last.id : last.parent, Date.now())
    if (last.role === 'user') await this.#answering.work({ turn: blank, dropOldest })
    else if (hasText(last)) await this.#answering.work({ turn: { ...blank, insteadOf: last.id }, dropOldest })
    else await this.#answering.work({ turn: { ...blank, id: last.id, createdAt: last.createdAt }, dropOldest })
  }

  /** Another answer to the same, as a branch. */
  async regenerate(id: string): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'assistant') return
    await this.#answering.end()
    await this.#answering.work({ turn: newAnswer(turn.parent, Date.now()) })
  }

  /** Asks something else in place of a question, as a branch. */
  async edit(id: string, content: string): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'user') return
    await this.#answering.end()
    await this.#answering.work(this.#kept.question(content, turn.parent))
  }

  /** @param branch 0-based, of those that follow the same turn. */
  switchBranch(id: string, branch: number): void {
    const parent = this.#kept.tree.get(id)?.parent
    const turn = this.#kept.tree.following(parent)[branch]
    if (turn) void this.#kept.choose(turn)
  }

  /** Goes on with an answer that was stopped, cut or lost. One that has only thought is asked for again. */
  async continueAnswer(id: string): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'assistant' || this.answering) return
    if (turn.content === '') return this.#kept.last() === turn ? this.retry() : this.regenerate(id)
    const { usage, reasoningTokens, answerTokens } = turn
    const again = {
      state: 'waiting',
      toolCalls: [],
      completion: undefined,
      error: undefined,
      endedAt: undefined,
    } as const
    await this.#answering.work({ turn: { ...turn, ...again, before: { usage, reasoningTokens, answerTokens } } })
  }

  /** With all that follows it; `undoRemove` brings it back. */
  async remove(id: string): Promise<void> {
    this.#removed = this.#remove(id)
    await this.#removed
  }

  async undoRemove(): Promise<void> {
    const removing = this.#removed
    this.#removed = undefined
    const removed = await removing
    if (removed) await this.#kept.bringBack(removed)
  }

  /** Whether a tool that waits for the reader may run. When all of a turn are decided on, the model is told their results. */
  async decide(id: string, callId: string, decision: Decision): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'assistant') return
    const call = turn.toolCalls.find((call) => call.id === callId && call.state === 'asking')
    if (!call) return
    const { allowedTools = [] } = this.#room.settings
    if (decision === 'always') this.#room.set({ allowedTools: [...allowedTools, call.name] })
    await this.#answering.decide({ turn: id, call: callId, decision })
  }

  /** Saves fields of its record. */
  patch(fields: Partial<SavedConversation>): Promise<void> {
    return this.#kept.patch(fields)
  }

  /** Begins with a question, and what was said before it. @param summary is shown when it has come; '' until then. */
  async begin(summary: Promise<string>, question: string): Promise<void> {
    await this.#kept.patch({ queue: [{ id: newId(), content: question }], summary: '' })
    try {
      await this.#kept.patch({ summary: await summary })
    } catch (cause) {
      await this.#kept.patch({ queue: [], summary: undefined })
      const { turn, beside } = this.#kept.question(question, undefined)
      return this.#kept.show([...beside, { ...ended(turn, 'failed'), error: turnError(cause) }])
    }
    await this.#answering.sendQueue()
  }

  /** Ends the answer, and sends no more of the queue. */
  end(): Promise<void> {
    return this.#answering.end()
  }

  /** Lets go of the answer, which goes on at the server: another tab or element may take it up. */
  async leave(): Promise<void> {
    await this.#answering.end(LEFT)
    await this.#kept.flush()
  }

  /** Takes up what is not finished. */
  resume(): Promise<void> {
    return this.#answering.resume()
  }

  /** What another tab says. */
  async hear(word: Word): Promise<void> {
    if (word.conversation !== this.id) return
    if (word.type === 'stop') this.#answering.stopHere()
    else if (word.type === 'decide') this.#answering.decideHere(word.decided)
    else await this.#kept.reload(word.turns.filter((id) => !this.#answering.holds(id)))
    this.#answering.forgetDone()
    if (this.answering) await this.#answering.resume()
  }

  flush(): Promise<void> {
    return this.#kept.flush()
  }

  async #remove(id: string): Promise<Turn | undefined> {
    await this.#answering.end()
    const turn = this.#kept.tree.get(id)
    if (turn) await this.#kept.remove(turn)
    return turn
  }

  /** As it is shown: until an answer begins that is asked for again, with the text of the one before; decided on, where the reader has. */
  #looks(turn: Turn): Turn {
    if (turn.role !== 'assistant') return turn
    if (turn.insteadOf === undefined || hasText(turn)) return this.#answering.withDecisions(turn)
    const instead = this.#kept.tree.get(turn.insteadOf)
    return instead?.role === 'assistant' ? { ...turn, content: instead.content, reasoning: instead.reasoning } : turn
  }
}

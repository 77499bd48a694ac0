import { ended, LEFT, runAnswer } from './answer-run.ts'
import { answerNow, cancelAnswer } from './client.ts'
import { newAnswer } from './growing.ts'
import { KeptConversation } from './kept-conversation.ts'
import { locked, type Room } from './room.ts'
import type { SavedConversation, SavedTurn, Word } from './saved.ts'
import { type Decision, decided } from './tools.ts'
import {
  type AssistantTurn,
  isUnfinished,
  newId,
  type QueuedMessage,
  type ShownTurn,
  type Turn,
  type UserTurn,
} from './turns.ts'

/** An answer that was asked for this long ago, and has not begun, is not asked for again by a reload. */
const ASKED_LATELY_MS = 60_000
const MAX_TITLE = 60

/** The answers that this tab brings to their end, one after the other. */
interface Job {
  /** Of the answer under way. */
  abort: AbortController
  /** It is this tab's: until then it waits for another tab. */
  holds: boolean
  /** The queue is left alone. */
  closing: boolean
  done: Promise<void>
}

interface Work {
  /** Left out: the next message of the queue. */
  readonly turn?: AssistantTurn
  /** Others that change with it. */
  readonly beside?: readonly Turn[]
  readonly dropOldest?: boolean
  /** Another tab may bring it to its end first. */
  readonly inherited?: boolean
  /** What failed before does not hold the queue back. */
  readonly sendQueue?: boolean
}

/** A conversation: turns with branches, at most one answer under way in all tabs, and messages that wait for it. */
export class Conversation {
  readonly #room: Room
  readonly #kept: KeptConversation
  #job: Job | undefined
  #removed: Turn | undefined

  constructor(room: Room, record?: SavedConversation, turns: readonly SavedTurn[] = []) {
    this.#room = room
    this.#kept = new KeptConversation(room, record, turns)
  }

  get id(): string {
    return this.#kept.record.id
  }

  /** From the first turn to the last, along the chosen branches. */
  get turns(): readonly ShownTurn[] {
    return this.#shown().map((shown) => ({ ...shown, turn: this.#looks(shown.turn) }))
  }

  /** undefined: nothing was said yet. */
  get title(): string | undefined {
    return this.#kept.record.title
  }

  get updatedAt(): number {
    return this.#kept.record.updatedAt
  }

  get isEmpty(): boolean {
    return this.#shown().length === 0
  }

  get answering(): boolean {
    return this.#underWay() !== undefined
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
    return this.#kept.record.queue
  }

  /** During an answer the message waits for its end. Resolves when it is answered, or waits. */
  async ask(content: string): Promise<void> {
    if (!this.answering && this.queue.length === 0) {
      return this.#work(this.#question(content, this.#last()?.id))
    }
    await this.#kept.patch({ queue: [...this.queue, { id: newId(), content }] })
    if (!this.answering) await this.#work({ sendQueue: true })
  }

  /** Takes a message out of the queue: its text, for the composer. */
  unqueue(id: string): string | undefined {
    const message = this.queue.find((queued) => queued.id === id)
    void this.#kept.patch({ queue: this.queue.filter((queued) => queued !== message) })
    return message?.content
  }

  /** Ends the answer, and keeps what there is of it. Messages of the queue come next. */
  stop(): void {
    const turn = this.#underWay()
    if (!turn) return
    if (turn.completion?.lastEventId) cancelAnswer(this.#room.server, turn.completion).catch(() => {})
    if (this.#job?.holds === false) void this.#tellOthers()
    else this.#job?.abort.abort()
  }

  /** Ends the thinking; whether the answer comes now. */
  async answerNow(): Promise<boolean> {
    const place = this.#underWay()?.completion
    return place?.lastEventId !== undefined && (await answerNow(this.#room.server, place).catch(() => false))
  }

  /**
   * Asks again for the last answer, which did not come to its end: what there is of it stays until there is better, and then as a branch.
   * @param dropOldest turns are left out until the others have room.
   */
  async retry({ dropOldest = false } = {}): Promise<void> {
    const last = this.#last()
    if (!last || this.answering) return
    const blank = newAnswer(last.role === 'user' ? last.id : last.parent, Date.now())
    if (last.role === 'user') await this.#work({ turn: blank, dropOldest })
    else if (hasText(last)) await this.#work({ turn: { ...blank, insteadOf: last.id }, dropOldest })
    else await this.#work({ turn: { ...blank, id: last.id, createdAt: last.createdAt }, dropOldest })
  }

  /** Another answer to the same, as a branch. */
  async regenerate(id: string): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'assistant') return
    await this.#end()
    await this.#work({ turn: newAnswer(turn.parent, Date.now()) })
  }

  /** Asks something else in place of a question, as a branch. */
  async edit(id: string, content: string): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'user') return
    await this.#end()
    await this.#work(this.#question(content, turn.parent))
  }

  /** @param branch 0-based, of those that follow the same turn. */
  switchBranch(id: string, branch: number): void {
    const parent = this.#kept.tree.get(id)?.parent
    const turn = this.#kept.tree.following(parent)[branch]
    if (turn) void this.#show([turn])
  }

  /** Goes on with an answer that was stopped, cut or lost. One that has only thought is asked for again. */
  async continueAnswer(id: string): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'assistant' || this.answering) return
    if (turn.content === '') return this.retry()
    const { usage, reasoningTokens, answerTokens } = turn
    const again = { state: 'waiting', completion: undefined, error: undefined, endedAt: undefined } as const
    await this.#work({ turn: { ...turn, ...again, before: { usage, reasoningTokens, answerTokens } } })
  }

  /** With all that follows it; `undoRemove` brings it back. */
  async remove(id: string): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (!turn) return
    await this.#end()
    this.#removed = this.#kept.tree.get(id)!
    await this.#kept.remove(this.#removed)
  }

  async undoRemove(): Promise<void> {
    if (this.#removed) await this.#kept.put([this.#removed])
    this.#removed = undefined
  }

  /** Whether a tool that waits for the reader may run. When all of a turn are decided on, the model is told their results. */
  async decide(id: string, callId: string, decision: Decision): Promise<void> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'assistant') return
    const call = turn.toolCalls.find((call) => call.id === callId && call.state === 'asking')
    if (!call) return
    const { allowedTools = [] } = this.#room.settings
    if (decision === 'always') this.#room.set({ allowedTools: [...allowedTools, call.name] })
    const toolCalls = turn.toolCalls.map((other) => (other === call ? decided(call, decision) : other))
    // While others run, it is run after them.
    if (this.#job) await this.#kept.put([{ ...turn, toolCalls }])
    else await this.#work({ turn: { ...turn, toolCalls } })
  }

  /** Saves fields of its record. */
  patch(fields: Partial<SavedConversation>): Promise<void> {
    return this.#kept.patch(fields)
  }

  /** Begins with a question, and what was said before it. @param summary is shown when it has come. */
  async begin(summary: Promise<string>, question: string): Promise<void> {
    await this.#kept.patch({ queue: [{ id: newId(), content: question }], summary: '' })
    await this.#kept.patch({ summary: await summary.catch(() => undefined) })
    await this.#work({ sendQueue: true })
  }

  /** Lets go of the answer, which goes on at the server: another tab or element may take it up. */
  async leave(): Promise<void> {
    await this.#end(LEFT)
    await this.#kept.flush()
  }

  /** Takes up what is not finished. */
  async resume(): Promise<void> {
    if (this.#job) return
    const turn = this.#underWay()
    if (turn) await this.#work({ turn, inherited: true })
    else if (this.queue.length > 0) await this.#work({})
  }

  /** What another tab says. */
  async hear(word: Word): Promise<void> {
    if (word.conversation !== this.id) return
    if (word.type === 'stop') {
      if (this.#job?.holds) this.stop()
      return
    }
    await this.#kept.reload(word.turns.filter((id) => !this.#job?.holds || id !== this.#underWay()?.id))
    if (this.answering) await this.resume()
  }

  flush(): Promise<void> {
    return this.#kept.flush()
  }

  /** The tab that has the answer under way stops it. */
  #tellOthers(): Promise<boolean> {
    return this.#room.keep(async (archive) => archive.tell({ type: 'stop', conversation: this.id }))
  }

  /** Ends what is under way without going on to the queue. */
  async #end(reason?: string): Promise<void> {
    if (!this.#job) return
    this.#job.closing = true
    if (reason === LEFT || !this.#job.holds) this.#job.abort.abort(reason)
    if (reason !== LEFT) this.stop()
    await this.#job.done
  }

  #work(work: Work): Promise<void> {
    const { turn, beside = [], inherited } = work
    const job: Job = { abort: new AbortController(), holds: false, closing: false, done: Promise.resolve() }
    this.#job = job
    if (turn && !inherited) void this.#show([...beside, turn])
    job.done = locked(`${this.#room.name}:${this.id}`, job.abort.signal, () => this.#answers(job, work))
      // Given up before its turn came.
      .catch((error) => {
        if (!job.abort.signal.aborted) throw error
        if (turn && !inherited && job.abort.signal.reason !== LEFT) this.#kept.put([ended(turn, 'stopped')])
      })
      .finally(() => {
        if (this.#job === job) this.#job = undefined
        this.#room.changed()
      })
    return job.done
  }

  /** Answers as long as there is something to answer. */
  async #answers(job: Job, { turn, dropOldest, inherited, sendQueue }: Work): Promise<void> {
    if (inherited) await this.#kept.reload([turn!.id])
    job.holds = true
    let next = turn && (inherited ? await this.#revived(turn.id) : turn)
    for (let force = sendQueue; ; force = false) {
      if (next) await this.#bringToEnd(next, job, dropOldest)
      if (job.closing || !(force || this.#mayGoOn())) return
      const message = await this.#kept.takeQueued()
      if (!message) return
      job.abort = new AbortController()
      const { turn, beside } = this.#question(message.content, this.#last()?.id)
      await this.#show([...beside, turn])
      next = turn
    }
  }

  async #bringToEnd(turn: AssistantTurn, { abort: { signal } }: Job, dropOldest: boolean | undefined): Promise<void> {
    const { tree } = this.#kept
    await runAnswer(turn.id, {
      room: this.#room,
      tree,
      summary: this.summary,
      signal,
      dropOldest,
      put: (turn, soon) => (soon ? this.#kept.putSoon(turn) : void this.#kept.put([turn])),
    })
    await this.#kept.flush()
    const end = tree.get(turn.id) as AssistantTurn
    const instead = end.insteadOf === undefined ? undefined : (tree.get(end.insteadOf) as AssistantTurn | undefined)
    if (!instead || isUnfinished(end) || end.state === 'done' || hasText(end)) return
    // Nothing better has come.
    await this.#kept.remove(end)
    await this.#show([{ ...instead, error: end.error ?? instead.error }])
  }

  /** A turn that was left unfinished, if it can be brought to its end. */
  async #revived(id: string): Promise<AssistantTurn | undefined> {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'assistant' || !isUnfinished(turn)) return undefined
    if (turn.state === 'done') {
      // Whether a tool had done its work before the page was left, nobody knows.
      const toolCalls = turn.toolCalls.map((call) =>
        call.state === 'running' ? ({ ...call, state: 'asking' } as const) : call,
      )
      await this.#kept.put([{ ...turn, toolCalls }])
      return undefined
    }
    if (turn.completion?.lastEventId !== undefined) return turn
    if (!hasText(turn) && Date.now() - turn.createdAt < ASKED_LATELY_MS) return turn
    await this.#kept.put([{ ...ended(turn, 'failed'), error: LEFT_ERROR }])
    return undefined
  }

  /** Nothing in the last turn waits for the reader. */
  #mayGoOn(): boolean {
    const last = this.#last()
    return (
      last?.role !== 'assistant' || (last.state !== 'failed' && !last.toolCalls.some(({ state }) => state === 'asking'))
    )
  }

  #question(content: string, parent: string | undefined) {
    const now = Date.now()
    const user: UserTurn = { id: newId(), parent, role: 'user', content, createdAt: now }
    this.#room.tell({ type: 'send', turn: user })
    const last = parent === undefined ? undefined : this.#kept.tree.get(parent)
    // Who asks something else does not allow what waits.
    const refused =
      last?.role === 'assistant' && last.toolCalls.some(({ state }) => state === 'asking') ? [refusing(last)] : []
    return { turn: newAnswer(user.id, now), beside: [...refused, user] }
  }

  /** Shows turns, and the branch of the last one; saves them. */
  #show(turns: readonly Turn[]): Promise<void> {
    const chosen = { ...this.#kept.record.chosen }
    for (const { id, parent } of turns) chosen[parent ?? ''] = id
    const first = turns.find(({ role }) => role === 'user')
    const title = this.title ?? (first && titleOf(first.content))
    return this.#kept.put(turns, { chosen, title, updatedAt: Date.now() })
  }

  #shown(): ShownTurn[] {
    return this.#kept.tree.shown(this.#kept.record.chosen)
  }

  /** As it is shown: until an answer begins that is asked for again, with the text of the one before. */
  #looks(turn: Turn): Turn {
    if (turn.role !== 'assistant' || turn.insteadOf === undefined || hasText(turn)) return turn
    const instead = this.#kept.tree.get(turn.insteadOf)
    return instead?.role === 'assistant' ? { ...turn, content: instead.content, reasoning: instead.reasoning } : turn
  }

  #last(): Turn | undefined {
    return this.#shown().at(-1)?.turn
  }

  #underWay(): AssistantTurn | undefined {
    const last = this.#last()
    return last?.role === 'assistant' && isUnfinished(last) ? last : undefined
  }
}

const LEFT_ERROR = {
  code: 'left',
  message: 'The page was left before the answer was complete.',
  kind: 'lost',
} as const

/** The first line, not too long. */
function titleOf(question: string): string {
  const [line] = question.trim().split('\n')
  return line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE).trimEnd()}…` : line
}

function hasText(turn: AssistantTurn): boolean {
  return turn.content !== '' || turn.reasoning !== ''
}

function refusing(turn: AssistantTurn): AssistantTurn {
  return {
    ...turn,
    toolCalls: turn.toolCalls.map((call) => (call.state === 'asking' ? decided(call, 'refuse') : call)),
  }
}

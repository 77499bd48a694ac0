import { LEFT, runAnswer } from './answer-run.ts'
import { cancelAnswer } from './client.ts'
import { ended, hasText } from './growing.ts'
import type { KeptConversation } from './kept-conversation.ts'
import { locked, type Room } from './room.ts'
import { type DecidedCall, decided } from './tools.ts'
import { type AssistantTurn, isUnfinished, type Turn } from './turns.ts'

/** An answer that was asked for this long ago, and has not begun, is not asked for again by a reload. */
const ASKED_LATELY_MS = 60_000

export interface Work {
  readonly turn: AssistantTurn
  /** Others that change with it. */
  readonly beside?: readonly Turn[]
  readonly dropOldest?: boolean
}

/** The answers that this tab brings to their end, one after the other. */
interface Job {
  /** Of the answer under way. */
  abort: AbortController
  /** The answer that is this tab's; undefined: another tab has its turn. */
  turn: string | undefined
  /** The queue is left alone. */
  closing: boolean
  done: Promise<void>
}

/** The answers of a conversation, of which one is under way in all tabs. */
export class Answering {
  readonly #room: Room
  readonly #kept: KeptConversation
  #job: Job | undefined
  /** What the reader has decided here, until it is done by whoever has the turn. */
  #decided: DecidedCall[] = []

  constructor(room: Room, kept: KeptConversation) {
    this.#room = room
    this.#kept = kept
  }

  /** The answer under way, in this tab or another one. */
  get turn(): AssistantTurn | undefined {
    const { tree } = this.#kept
    const own = this.#job?.turn === undefined ? undefined : tree.get(this.#job.turn)
    return own?.role === 'assistant' && isUnfinished(own) ? own : tree.unfinished()
  }

  /** Messages of the queue are about to be sent. */
  get isSending(): boolean {
    return this.#job !== undefined && this.turn === undefined
  }

  /** Whether a turn is this tab's to change. */
  holds(id: string): boolean {
    return this.#job?.turn === id
  }

  /** Ends the answer under way. The next message of the queue follows. */
  stop(): void {
    const { turn } = this
    if (!turn) return
    if (turn.completion?.lastEventId) cancelAnswer(this.#room.server, turn.completion).catch(() => {})
    if (this.#job && !this.#waits) this.#job.abort.abort()
    else void this.#room.keep(async (archive) => archive.tell({ type: 'stop', conversation: this.#kept.record.id }))
  }

  /** Another tab asks for it, which must not be asked in turn. */
  stopHere(): void {
    if (this.#job?.turn !== undefined) this.stop()
  }

  /** Has a call that waits decided on, by the tab whose answer it is: what that one saves takes the place of what others do. */
  async decide(decided: DecidedCall): Promise<void> {
    if (this.decideHere(decided)) return
    this.#decided.push(decided)
    this.#room.changed()
    const conversation = this.#kept.record.id
    void this.#room.keep(async (archive) => archive.tell({ type: 'decide', conversation, decided }))
    // Where there is none, or it has just come to its end.
    await this.resume()
  }

  /** Whether the turn is under way in this tab, which then runs the call after those that run. */
  decideHere({ turn: id, call, decision }: DecidedCall): boolean {
    const turn = this.#kept.tree.get(id)
    if (!this.holds(id) || turn?.role !== 'assistant') return false
    void this.#kept.put([decided(turn, decision, call)])
    return true
  }

  /** The turn as the reader has decided here, whether or not the tab whose answer it is has heard of it. */
  withDecisions(turn: AssistantTurn): AssistantTurn {
    const own = this.#decided.filter((decided) => decided.turn === turn.id)
    return own.reduce((turn, { call, decision }) => decided(turn, decision, call), turn)
  }

  /** Forgets decisions that are done: where a call waits again, as it was interrupted, the reader is asked again. */
  forgetDone(): void {
    this.#decided = this.#decided.filter((decided) => this.#asking(decided))
  }

  /** Ends what is under way without going on to the queue. */
  async end(reason?: typeof LEFT): Promise<void> {
    const job = this.#job
    if (!job) return
    job.closing = true
    if (reason === undefined) this.stop()
    if (reason !== undefined || this.#waits) job.abort.abort(reason)
    await job.done
  }

  /** Takes up what is not finished, when no other tab does. */
  async resume(): Promise<void> {
    if (this.#job || !(this.turn || this.#decided.length > 0 || this.#kept.record.queue.length > 0)) return
    await this.#begin(async (job) => {
      await this.#kept.reload()
      this.forgetDone()
      for (let next = await this.#unfinished(); next && !job.closing; next = await this.#unfinished()) {
        await this.#answer(next, job)
        job.abort = new AbortController()
      }
      await this.#sendQueue(job)
    })
  }

  /** Answers, and goes on with the queue. */
  async work({ turn, beside = [], dropOldest }: Work): Promise<void> {
    void this.#kept.show([...beside, turn])
    const job = await this.#begin(async (job) => {
      await this.#kept.reload()
      const { tree } = this.#kept
      const now = tree.get(turn.id)
      // Another tab has brought it to its end.
      const isOver = now?.role === 'assistant' && !isUnfinished(now) && now.state !== 'failed'
      if (isOver && isUnfinished(turn)) return this.#sendQueue(job)
      tree.set(turn)
      await this.#answer(turn, job, dropOldest)
      await this.#sendQueue(job)
    }, turn)
    const { aborted, reason } = job.abort.signal
    const left = this.#kept.tree.get(turn.id)
    // It was given up before its turn came.
    if (left?.role === 'assistant' && left.state === 'waiting' && aborted && reason !== LEFT) {
      await this.#kept.put([ended(left, 'stopped')])
    }
  }

  /** Sends what waits, whatever the last answer has come to. */
  async sendQueue(): Promise<void> {
    if (this.#job) return
    await this.#begin(async (job) => {
      await this.#kept.reload()
      await this.#sendQueue(job, true)
    })
  }

  /** Another tab has its turn. */
  get #waits(): boolean {
    return this.#job !== undefined && this.#job.turn === undefined
  }

  async #begin(run: (job: Job) => Promise<void>, turn?: Turn): Promise<Job> {
    const job: Job = { abort: new AbortController(), turn: turn?.id, closing: false, done: Promise.resolve() }
    this.#job = job
    const { signal } = job.abort
    job.done = locked(`${this.#room.name}:${this.#kept.record.id}`, signal, () => run(job))
      .catch((error) => {
        if (!signal.aborted) throw error
      })
      .finally(() => {
        if (this.#job === job) this.#job = undefined
        this.#room.changed()
        if (job.closing) return
        // What was put there when this job had looked for the last time.
        if (this.#decided.length > 0 || (this.#kept.record.queue.length > 0 && this.#mayGoOn())) void this.resume()
      })
    await job.done
    return job
  }

  async #sendQueue(job: Job, force = false): Promise<void> {
    await this.#answerDecided(job)
    while (!job.closing && (force || this.#mayGoOn())) {
      const message = await this.#kept.dequeue()
      if (!message) return
      job.abort = new AbortController()
      const { turn, beside } = this.#kept.question(message.content, this.#kept.last()?.id)
      await this.#kept.show([...beside, turn])
      await this.#answer(turn, job)
      force = false
      await this.#answerDecided(job)
    }
  }

  /** Goes on with turns of which calls were decided on while no tab had them, or another one that has not done so. */
  async #answerDecided(job: Job): Promise<void> {
    while (!job.closing) {
      const next = this.#decided.shift()
      if (!next) return
      const turn = this.#asking(next)
      if (!turn) continue
      job.abort = new AbortController()
      await this.#kept.show([decided(turn, next.decision, next.call)])
      await this.#answer(turn, job)
    }
  }

  /** The turn whose call waits; undefined: it does not any more. */
  #asking({ turn: id, call }: DecidedCall): AssistantTurn | undefined {
    const turn = this.#kept.tree.get(id)
    if (turn?.role !== 'assistant') return undefined
    return turn.toolCalls.some(({ id, state }) => id === call && state === 'asking') ? turn : undefined
  }

  async #answer(turn: AssistantTurn, job: Job, dropOldest?: boolean): Promise<void> {
    const { tree, record } = this.#kept
    job.turn = turn.id
    await runAnswer(turn.id, {
      room: this.#room,
      tree,
      summary: record.summary,
      signal: job.abort.signal,
      dropOldest,
      put: (turn, soon) => {
        // A tool's round is another turn.
        job.turn = turn.id
        if (soon) this.#kept.putSoon(turn)
        else void this.#kept.put([turn])
      },
      over: () => {
        job.turn = undefined
      },
    })
    await this.#kept.flush()
    // Another tab may have taken them away.
    const end = tree.get(turn.id) as AssistantTurn | undefined
    const instead = end?.insteadOf === undefined ? undefined : (tree.get(end.insteadOf) as AssistantTurn | undefined)
    if (!end || !instead || isUnfinished(end) || end.state === 'done' || hasText(end)) return
    // Nothing better has come.
    await this.#kept.remove(end)
    await this.#kept.show([{ ...instead, error: end.error ?? instead.error }])
  }

  /** A turn that was left unfinished, if it can be brought to its end. */
  async #unfinished(): Promise<AssistantTurn | undefined> {
    const now = this.#kept.tree.unfinished()
    if (!now) return undefined
    if (now.state === 'done') {
      // Whether a tool had done its work before the page was left, nobody knows.
      const toolCalls = now.toolCalls.map((call) =>
        call.state === 'running' ? ({ ...call, state: 'asking' } as const) : call,
      )
      await this.#kept.put([{ ...now, toolCalls }])
      return this.#unfinished()
    }
    if (now.completion?.lastEventId !== undefined) return now
    if (!hasText(now) && Date.now() - now.createdAt < ASKED_LATELY_MS) return now
    await this.#kept.put([{ ...ended(now, 'failed'), error: LEFT_ERROR }])
    return this.#unfinished()
  }

  /** Nothing in the last turn waits for the reader. */
  #mayGoOn(): boolean {
    const last = this.#kept.last()
    return (
      last?.role !== 'assistant' || (last.state !== 'failed' && !last.toolCalls.some(({ state }) => state === 'asking'))
    )
  }
}

const LEFT_ERROR = {
  code: 'left',
  message: 'The page was left before the answer was complete.',
  kind: 'lost',
} as const

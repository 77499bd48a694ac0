import type { Context } from 'hono'
import type { AnswersEvent } from '../chat/events.ts'
import type { Decision } from '../route/policy.ts'
import type { Account } from './access/account.ts'
import { callerOf } from './access/caller.ts'
import type { ApiError } from './errors.ts'
import { type RequestRecord, recordOf } from './request-record.ts'

/** Counts what an answer takes: on the accounts of who asked, in the metrics and for the log. */
export class AnswerMeter {
  readonly #context: Context
  readonly #accounts: readonly Account[]
  readonly #record: RequestRecord
  readonly #stop: (reason: ApiError) => void

  /** @param stop ends the answer, where something runs out */
  constructor(c: Context, stop: (reason: ApiError) => void) {
    this.#context = c
    this.#accounts = callerOf(c).accounts
    this.#record = recordOf(c)
    this.#stop = stop
  }

  /** The same events, from whose first to whose end an answer goes on. Throws an ApiError of status 429 where none may begin. */
  async *counted(events: AsyncGenerator<AnswersEvent>): AsyncGenerator<AnswersEvent> {
    for (const account of this.#accounts) account.checkAnswer()
    for (const account of this.#accounts) account.beginAnswer()
    this.#record.answerBegan()
    let code: string | null = null
    try {
      yield* events
    } catch (error) {
      code = codeOf(error)
      throw error
    } finally {
      for (const account of this.#accounts) account.endAnswer()
      this.#record.answerEnded(code)
    }
  }

  /** Throws an ApiError of status 429 where the prompt alone is more than is left. */
  begins(decision: Decision, promptTokens: number): void {
    for (const account of this.#accounts) {
      const spent = account.spent(promptTokens)
      if (spent) throw spent
    }
    for (const account of this.#accounts) account.takeTokens(promptTokens)
    for (const [name, value] of Object.entries(this.#accounts[0].headers())) this.#context.header(name, value)
    this.#record.answerDecided(decision, promptTokens)
  }

  readonly made = (source: 'edge' | 'origin', tokens: number): void => {
    this.#record.made(source, tokens)
    for (const account of this.#accounts) {
      account.takeTokens(tokens)
      const spent = account.spent()
      if (spent) this.#stop(spent)
    }
  }

  event(name: string): void {
    this.#record.metrics.event(name)
  }
}

/** What the client is told, without a word in the log: whoever tells the client writes that. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'internal_error'
}

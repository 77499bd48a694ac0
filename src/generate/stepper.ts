import { turn } from './turn.ts'

/** The next tokens of one sequence. */
export interface Part<Sequence> {
  readonly sequence: Sequence
  readonly tokens: readonly number[]
}

interface Run<Sequence> {
  readonly sequence: Sequence
  rest: readonly number[]
  readonly signal: AbortSignal
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Runs all sequences of a model token by token: a step takes the next token of every answer and, with the columns that are left, as much of the
 * prompts as fits, so that the weights are read once for all of them and no answer waits for more than a step. Between two steps everything
 * else has its turn, and whoever has a token more joins the next one.
 */
export class Stepper<Sequence> {
  readonly #step: (parts: readonly Part<Sequence>[]) => void
  readonly #columns: number
  /** Those that were served the longest ago first. */
  #runs: Run<Sequence>[] = []
  #running = false

  /** `step`: computes the tokens of all parts, each of another sequence, and appends them; `columns`: most tokens of a step. */
  constructor(step: (parts: readonly Part<Sequence>[]) => void, columns: number) {
    this.#step = step
    this.#columns = columns
  }

  /** Resolves when all tokens are computed, or the signal aborts; rejects with what the step throws. Of a sequence one call at a time. */
  run(sequence: Sequence, tokens: readonly number[], signal: AbortSignal): Promise<void> {
    if (tokens.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#runs.push({ sequence, rest: tokens, signal, resolve, reject })
      if (!this.#running) void this.#go()
    })
  }

  async #go(): Promise<void> {
    this.#running = true
    while (this.#runs.length > 0) {
      await turn()
      const [gone, here] = partition(this.#runs, ({ signal }) => signal.aborted)
      this.#runs = here
      for (const { resolve } of gone) resolve()
      if (here.length > 0) this.#take()
    }
    this.#running = false
  }

  #take(): void {
    const parts = this.#choose()
    const served = new Set(parts.map(({ run }) => run))
    const waiting = this.#runs.filter((run) => !served.has(run))
    try {
      this.#step(parts.map(({ run, tokens }) => ({ sequence: run.sequence, tokens })))
    } catch (error) {
      this.#runs = waiting
      for (const { reject } of served) reject(error)
      return
    }
    for (const { run, tokens } of parts) run.rest = run.rest.slice(tokens.length)
    const [done, more] = partition([...served], ({ rest }) => rest.length === 0)
    this.#runs = [...waiting, ...more]
    for (const { resolve } of done) resolve()
  }

  /** Whoever was served the longest ago comes first, and a prompt leaves room for all answers. */
  #choose(): { readonly run: Run<Sequence>; readonly tokens: readonly number[] }[] {
    let left = this.#columns
    let answers = this.#runs.filter(isAnswer).length
    return this.#runs.flatMap((run) => {
      if (isAnswer(run)) answers--
      const tokens = run.rest.slice(0, isAnswer(run) ? left : Math.min(left, Math.max(1, left - answers)))
      left -= tokens.length
      return tokens.length > 0 ? [{ run, tokens }] : []
    })
  }
}

/** It has one token to run, as what was sampled last. */
function isAnswer({ rest }: Pick<Run<unknown>, 'rest'>): boolean {
  return rest.length === 1
}

function partition<T>(list: readonly T[], is: (one: T) => boolean): [T[], T[]] {
  return [list.filter(is), list.filter((one) => !is(one))]
}

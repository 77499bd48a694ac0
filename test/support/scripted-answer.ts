import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiError } from '../../src/http/errors.ts'

export interface Delta {
  readonly reasoning_content?: string
  readonly content?: string
  readonly tool_calls?: readonly object[]
}

/** What a scripted answer does next. */
export type Step =
  /** A chunk with a delta, and what the server says beside it. */
  | { readonly delta: Delta; readonly nanbeige?: object }
  /** A chunk without choices. */
  | { readonly nanbeige: object }
  | { readonly finish: 'stop' | 'length' | 'tool_calls'; readonly usage?: object }
  | { readonly ms: number }
  /** Nothing comes until the server's `release()`, or until the reader asks for the answer now. */
  | 'hold'
  /** Connections break, and new ones do too until `release()`; the answer goes on. */
  | 'offline'
  | ApiError

/** A text's deltas, a word or a Chinese character each, `ms` apart. */
export function words(field: 'reasoning_content' | 'content', text: string, ms?: number): Step[] {
  const deltas = (text.match(/\s*\p{Script=Han}|\s*[^\s\p{Script=Han}]+|\s+$/gu) ?? []).map((word) => ({
    delta: { [field]: word },
  }))
  return ms === undefined ? deltas : deltas.flatMap((delta) => [{ ms }, delta])
}

/** An answer under way, as chunks of a chat completion. */
export class ScriptedAnswer {
  readonly #steps: readonly Step[]
  readonly #head: object
  readonly #stop = new AbortController()
  readonly #hurry = Promise.withResolvers<void>()
  #hurried = false

  constructor(id: string, model: string, steps: readonly Step[]) {
    this.#head = { id, object: 'chat.completion.chunk', created: 0, model }
    this.#steps = steps
  }

  stop(reason: ApiError): void {
    this.#stop.abort(reason)
  }

  /** Leaves the rest of the thinking out. */
  hurry(): void {
    this.#hurried = true
    this.#hurry.resolve()
  }

  /** @param released resolves when what holds may go on. @param disconnect breaks connections. */
  async *chunks(released: () => Promise<void>, disconnect: () => void) {
    const { signal } = this.#stop
    const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    stopped.catch(() => {})
    yield this.#chunk({ role: 'assistant', content: '' })
    for (const step of this.#steps) {
      signal.throwIfAborted()
      if (step instanceof Error) throw step
      if (step === 'offline') disconnect()
      else if (step === 'hold') await Promise.race([released(), this.#hurry.promise, stopped])
      else if ('ms' in step) await Promise.race([sleep(step.ms), stopped])
      else if ('finish' in step) {
        yield this.#chunk({}, step.finish)
        if (step.usage) yield { ...this.#head, choices: [], usage: step.usage }
      } else if ('delta' in step) {
        if (this.#hurried && step.delta.reasoning_content !== undefined) continue
        yield { ...this.#chunk(step.delta), ...(step.nanbeige ? { nanbeige: step.nanbeige } : {}) }
      } else yield { ...this.#head, choices: [], nanbeige: step.nanbeige }
    }
  }

  #chunk(delta: object, finish_reason: string | null = null) {
    return { ...this.#head, choices: [{ index: 0, delta, logprobs: null, finish_reason }] }
  }
}

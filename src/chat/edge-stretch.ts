import { generate } from '../generate/generate.ts'
import type { LanguageModel } from '../generate/language-model.ts'
import type { GenerationQueue } from '../generate/queue.ts'
import type { GeneratedToken, GenerateEnd, GenerateRequest, Steering } from '../generate/types.ts'
import type { History } from '../origin/history.ts'
import { OriginsFailedError } from './errors.ts'

/** Share of the room in the edge's context that reasoning may take where nobody takes over: an answer has to follow. */
const REASONING_SHARE = 0.75

/** What the edge computes of one answer, in stretches between which origins may take over. It has the edge's turn only meanwhile. */
export class EdgeStretches {
  readonly #language: LanguageModel
  readonly #queue: GenerationQueue
  readonly #request: Omit<GenerateRequest, 'promptIds' | 'maxTokens' | 'signal'>
  readonly #reasoningTokens: () => number
  #turn: (() => void) | undefined
  /** Where the present stretch began. */
  #begin: { readonly reasoning: number; readonly room: number } | undefined

  /** @param reasoningTokens of the answer so far. */
  constructor(
    language: LanguageModel,
    queue: GenerationQueue,
    request: Omit<GenerateRequest, 'promptIds' | 'maxTokens' | 'signal'>,
    reasoningTokens: () => number,
  ) {
    this.#language = language
    this.#queue = queue
    this.#request = request
    this.#reasoningTokens = reasoningTokens
  }

  /** Waits for the turn of the first stretch. Rejects as the queue's `acquire`. */
  async takeTurn(signal: AbortSignal): Promise<void> {
    this.#turn = await this.#queue.acquire(signal)
  }

  /** The tokens after a history; throws OriginsFailedError where it is too long for the edge. */
  async *run(
    history: History,
    maxTokens: number,
    signal: AbortSignal,
    steering: Steering | undefined,
  ): AsyncGenerator<GeneratedToken, GenerateEnd> {
    const ids = history.ids()
    const { contextLength } = this.#language
    if (maxTokens > 0 && ids.length >= contextLength) throw new OriginsFailedError(ids.length, contextLength)
    const release = this.#turn ?? (await this.#queue.rejoin(signal))
    this.#turn = undefined
    this.#begin = { reasoning: this.#reasoningTokens(), room: contextLength - ids.length }
    try {
      const promptIds = ids.slice(0, history.promptLength)
      const generatedIds = ids.slice(history.promptLength)
      const request = { ...this.#request, promptIds, generatedIds, maxTokens, signal, steering }
      return yield* generate(this.#language, request)
    } finally {
      release()
    }
  }

  /** An origin has taken over. */
  interrupted(): void {
    this.#begin = undefined
  }

  /** Tokens of reasoning that the answer may have in all, when a stretch may have so many, or as many as leave room for an answer. */
  reasoningLimit(tokens: number): number {
    if (!this.#begin) return Number.POSITIVE_INFINITY
    const { reasoning, room } = this.#begin
    return reasoning + Math.min(tokens, Math.ceil(room * REASONING_SHARE))
  }

  /** Gives the turn back, where no stretch took it. */
  release(): void {
    this.#turn?.()
  }
}

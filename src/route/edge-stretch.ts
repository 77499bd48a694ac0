import { generate } from '../generate/generate.ts'
import type { LanguageModel } from '../generate/language-model.ts'
import type { GenerationQueue, Place, Visitor } from '../generate/queue.ts'
import { relay } from '../generate/relay.ts'
import type { GeneratedToken, GenerateEnd, GenerateRequest, Steering } from '../generate/types.ts'
import type { History } from '../origin/history.ts'
import { OriginsFailedError } from './errors.ts'
import { reasoningRoom } from './limits.ts'

interface EdgeStretchesOptions {
  readonly language: LanguageModel
  readonly queue: GenerationQueue
  readonly visitor: Visitor
  readonly request: Omit<GenerateRequest, 'promptIds' | 'generatedIds' | 'maxTokens' | 'signal' | 'steering'>
  /** Of the answer so far. */
  readonly reasoningTokens: () => number
}

/**
 * What the edge computes of one answer, in stretches between which origins may take over. It has the edge's turn only meanwhile, and
 * gives it away while nobody reads the answer and others wait; then the tokens so far are computed anew.
 */
export class EdgeStretches {
  readonly #options: EdgeStretchesOptions
  /** Of the first stretch. */
  #place: Place | undefined
  /** Where the present stretch began. */
  #begin: { readonly reasoning: number; readonly room: number } | undefined

  constructor(options: EdgeStretchesOptions) {
    this.#options = options
  }

  /** Takes a place for the first stretch. Throws QueueFullError. */
  enter(signal: AbortSignal): void {
    this.#place = this.#options.queue.enter(this.#options.visitor, signal)
  }

  /** The tokens after a history, once the turn has come; throws OriginsFailedError where it is too long for the edge. */
  async *run(
    history: History,
    maxTokens: number,
    signal: AbortSignal,
    steering: Steering | undefined,
  ): AsyncGenerator<GeneratedToken, GenerateEnd> {
    const { language, queue, visitor, request, reasoningTokens } = this.#options
    const ids = history.ids()
    const { contextLength } = language
    if (maxTokens > 0 && ids.length >= contextLength) throw new OriginsFailedError(ids.length, contextLength)
    const promptIds = ids.slice(0, history.promptLength)
    const generatedIds = ids.slice(history.promptLength)
    const end = generatedIds.length + maxTokens
    this.#begin = undefined
    for (;;) {
      const place = this.#place ?? queue.rejoin(visitor, signal)
      this.#place = undefined
      try {
        await place.turn
        this.#begin ??= { reasoning: reasoningTokens(), room: contextLength - ids.length }
        const left = end - generatedIds.length
        const tokens = generate(language, {
          ...request,
          promptIds,
          generatedIds: [...generatedIds],
          maxTokens: left,
          signal,
          steering,
        })
        const count = (token: GeneratedToken) => {
          generatedIds.push(token.id)
          return token
        }
        const ended = yield* relay(tokens, count, () => !visitor.listening() && queue.wanted)
        if (ended) return ended
      } finally {
        place.leave()
      }
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
    return reasoning + Math.min(tokens, reasoningRoom(room))
  }

  /** Gives the place back, where no stretch took it. */
  release(): void {
    this.#place?.leave()
  }
}

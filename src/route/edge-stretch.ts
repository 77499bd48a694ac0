import { generate } from '../generate/generate.ts'
import type { LanguageModel } from '../generate/language-model.ts'
import type { GenerationQueue, Visitor } from '../generate/queue.ts'
import { relay } from '../generate/relay.ts'
import type { GeneratedToken, GenerateEnd, GenerateRequest, Steering, TokenLogprobs } from '../generate/types.ts'
import type { History } from '../origin/history.ts'
import type { EdgeTurn } from './edge-turn.ts'
import { OriginsFailedError } from './errors.ts'
import { reasoningRoom } from './limits.ts'

interface EdgeStretchesOptions {
  readonly language: LanguageModel
  readonly queue: GenerationQueue
  readonly visitor: Visitor
  readonly turn: EdgeTurn
  readonly request: Omit<
    GenerateRequest,
    'promptIds' | 'generatedIds' | 'maxTokens' | 'signal' | 'steering' | 'sequence'
  >
  /** Of the answer so far. */
  readonly reasoningTokens: () => number
}

/**
 * What the edge computes of one answer, in stretches between which origins may take over. It has the edge's turn only meanwhile, and
 * gives it away while nobody reads the answer and others wait; then what no KV cache has kept is computed anew.
 */
export class EdgeStretches {
  readonly #options: EdgeStretchesOptions
  /** Where the present stretch began. */
  #begin: { readonly reasoning: number; readonly room: number } | undefined
  #first: { readonly at: number; readonly cachedTokens: number } | undefined

  constructor(options: EdgeStretchesOptions) {
    this.#options = options
  }

  /** When the first stretch began, as Date.now() counts, and how much of the prompt was there already; undefined before. */
  get first(): { readonly at: number; readonly cachedTokens: number } | undefined {
    return this.#first
  }

  /** The tokens after a history, once the turn has come; throws OriginsFailedError where it is too long for the edge. */
  async *run(
    history: History,
    maxTokens: number,
    signal: AbortSignal,
    steering: Steering | undefined,
  ): AsyncGenerator<GeneratedToken, GenerateEnd> {
    const { language, queue, visitor, turn, request, reasoningTokens } = this.#options
    const ids = history.ids()
    const { contextLength } = language
    if (maxTokens > 0 && ids.length >= contextLength) throw new OriginsFailedError(ids.length, contextLength)
    const promptIds = ids.slice(0, history.promptLength)
    const end = ids.length + maxTokens
    this.#begin = undefined
    try {
      for (;;) {
        const sequence = await turn.begin(ids, signal)
        this.#first ??= { at: Date.now(), cachedTokens: sequence.length }
        this.#begin ??= { reasoning: reasoningTokens(), room: contextLength - ids.length }
        const tokens = generate(language, {
          ...request,
          promptIds,
          generatedIds: ids.slice(history.promptLength),
          maxTokens: end - ids.length,
          signal,
          steering,
          sequence,
        })
        const count = (token: GeneratedToken) => {
          ids.push(token.id)
          return token
        }
        const ended = yield* relay(tokens, count, () => !visitor.listening() && queue.wanted)
        if (ended) return ended
        turn.leave()
      }
    } finally {
      turn.done()
    }
  }

  /** The logprobs of all tokens of a prompt but the first, before the first stretch. Throws the signal's reason when it aborts. */
  async score(promptIds: readonly number[], topLogprobs: number, signal: AbortSignal): Promise<TokenLogprobs[]> {
    const { language, turn, request } = this.#options
    const [first, ...rest] = promptIds
    const sequence = await turn.begin(promptIds, signal)
    this.#first ??= { at: Date.now(), cachedTokens: 0 }
    sequence.truncate(0)
    const steering = { forced: () => rest, banned: () => [] }
    const scored: TokenLogprobs[] = []
    const options = {
      sampling: request.sampling,
      eosIds: [],
      maxTokens: rest.length,
      topLogprobs,
      steering,
      signal,
      sequence,
    }
    for await (const { logprobs } of generate(language, { ...options, promptIds: [first] })) scored.push(logprobs!)
    signal.throwIfAborted()
    return scored
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
}

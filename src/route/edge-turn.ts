import type { LanguageModel, Sequence } from '../generate/language-model.ts'
import type { GenerationQueue, Place, Visitor } from '../generate/queue.ts'
import { sharedPrefix } from '../generate/shared-prefix.ts'

interface EdgeTurnOptions {
  readonly language: LanguageModel
  readonly queue: GenerationQueue
  readonly visitor: Visitor
  /** Answers that follow each other in the turn. */
  readonly answers: number
  /** How many of them go on from one prompt. */
  readonly each: number
}

/** The edge's turn of one request, and its KV cache: answers that follow each other compute what they begin with in common once. */
export class EdgeTurn {
  readonly #options: EdgeTurnOptions
  #place: Place | undefined
  #sequence: Sequence | undefined
  /** What the sequence holds, or was about to. */
  #ids: readonly number[] = []
  #left: number

  constructor(options: EdgeTurnOptions) {
    this.#options = options
    this.#left = options.answers
  }

  /** Takes a place. Throws QueueFullError. */
  enter(signal: AbortSignal): void {
    this.#place = this.#options.queue.enter(this.#options.visitor, signal)
  }

  /**
   * Waits for the turn, where it is not there yet, and gives a sequence that holds as much of these tokens as the one before it left, or
   * another request, the last token never: running that gives the next. `ids` may grow by what is generated.
   */
  async begin(ids: readonly number[], signal: AbortSignal): Promise<Sequence> {
    const { language, queue, visitor } = this.#options
    this.#place ??= queue.rejoin(visitor, signal)
    await this.#place.turn
    const sequence = this.#sequence
    if (sequence) sequence.truncate(Math.min(sequence.length, sharedPrefix(this.#ids, ids), ids.length - 1))
    this.#sequence ??= language.createSequence({ ids, cacheSalt: visitor.cacheSalt ?? '' })
    this.#ids = ids
    return this.#sequence
  }

  /** An answer needs it no more. It is kept for the next one, but where somebody waits only for the same prompt, and while somebody reads. */
  done(): void {
    const { queue, visitor, each } = this.#options
    const isOver = --this.#left <= 0
    const isSamePrompt = this.#left % each !== 0
    if (isOver || (queue.wanted && !(isSamePrompt && visitor.listening()))) this.leave()
  }

  /** Gives the turn and the cache back; calling it twice is harmless. */
  leave(): void {
    this.#sequence?.release()
    this.#sequence = undefined
    this.#ids = []
    this.#place?.leave()
    this.#place = undefined
  }
}

import type { Adjustment } from './distribution.ts'
import type { SamplingParams } from './types.ts'

/** The parameters that change single logits. */
export type PenaltyParams = Pick<
  SamplingParams,
  'repetitionPenalty' | 'presencePenalty' | 'frequencyPenalty' | 'logitBias'
>

/** Finite, so that a model that is sure of the banned token still has an order of the others. */
const BAN = -1e4

/**
 * Keeps the adjustments of one generation up to date, at the cost of one entry a token. As in vLLM the repetition penalty
 * covers prompt and generated tokens, presence and frequency penalties generated tokens only. Unlike vLLM, which adds
 * it first, logit_bias is added after the repetition penalty, so that it has the stated size for repeated tokens too.
 */
export class Penalties {
  readonly #params: PenaltyParams
  readonly #banned = new Set<number>()
  readonly #generated = new Map<number, number>()
  readonly #position = new Map<number, number>()
  readonly #adjustments: Adjustment[] = []

  constructor(params: PenaltyParams, promptIds: readonly number[]) {
    this.#params = params
    for (const [id, bias] of params.logitBias) this.#set({ id, scale: 1, add: bias })
    if (params.repetitionPenalty !== 1) for (const id of promptIds) this.#repeat(id)
  }

  /** At most one for each id, in no order; empty where nothing applies. The next `count` changes it in place. */
  get adjustments(): readonly Adjustment[] {
    return this.#adjustments
  }

  /** The same, with these tokens banned for now. */
  without(ids: readonly number[]): Adjustment[] {
    const others = this.#adjustments.filter(({ id }) => !ids.includes(id))
    return [...others, ...ids.map((id) => ({ id, scale: 1, add: BAN }))]
  }

  /** Takes note of a generated token. */
  count(id: number): void {
    const { repetitionPenalty, presencePenalty, frequencyPenalty } = this.#params
    if (repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0) {
      this.#generated.set(id, (this.#generated.get(id) ?? 0) + 1)
      this.#repeat(id)
    }
  }

  /** Keeps a token from being sampled from now on. */
  ban(id: number): void {
    if (this.#banned.has(id)) return
    this.#banned.add(id)
    this.#repeat(id)
  }

  #repeat(id: number): void {
    const { repetitionPenalty, presencePenalty, frequencyPenalty, logitBias } = this.#params
    const times = this.#generated.get(id) ?? 0
    const penalty = frequencyPenalty * times + (times > 0 ? presencePenalty : 0)
    const bias = this.#banned.has(id) ? BAN : (logitBias.get(id) ?? 0)
    this.#set({ id, scale: repetitionPenalty, add: bias - penalty })
  }

  #set(adjustment: Adjustment): void {
    const position = this.#position.get(adjustment.id) ?? this.#adjustments.length
    this.#position.set(adjustment.id, position)
    this.#adjustments[position] = adjustment
  }
}

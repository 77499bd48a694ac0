import type { DistributionQuery } from '../generate/distribution.ts'
import type { Arena } from '../model/arena.ts'
import type { Head } from '../model/head.ts'
import type { Pointer } from '../model/kernels.ts'

/** A distribution query to one slice, with the bits of its own rows alone, and how many of its candidates are wanted. */
export interface SliceQuery extends DistributionQuery {
  readonly top: number
}

/** What a slice of the vocabulary has to say: ids are those of the whole vocabulary, order is that of Candidates. */
export interface SliceAnswer {
  readonly ids: readonly number[]
  /** After adjustments, and before. */
  readonly logits: readonly number[]
  readonly raw: readonly number[]
  /** Of the adjusted logits at the temperature of the query. */
  readonly logSumExp: number
  /** Where something raw was asked. */
  readonly rawTop?: { readonly ids: readonly number[]; readonly logits: readonly number[] }
  readonly rawLogSumExp?: number
  /** Where the token of the query is in this slice. */
  readonly rawLogit?: number
}

export interface HeadSliceParts {
  readonly arena: Arena
  readonly head: Head
  /** (hiddenSize) f32 */
  readonly hidden: Pointer
  /** (logitBytes) */
  readonly logits: Pointer
  readonly firstRow: number
  readonly rows: number
}

/** Some rows of the vocabulary matrix. Holds nothing between two queries, so that there is nothing to lose. */
export class HeadSlice {
  readonly #parts: HeadSliceParts

  constructor(parts: HeadSliceParts) {
    this.#parts = parts
  }

  /** hidden (hiddenSize) f32 */
  answer(hidden: Float32Array, query: SliceQuery): SliceAnswer {
    const { arena, head, hidden: pointer, logits: at, firstRow, rows } = this.#parts
    const has = (id: number) => id >= firstRow && id < firstRow + rows
    arena.floats(pointer, hidden.length).set(hidden)
    const adjustments = query.adjustments
      .filter(({ id }) => has(id))
      .map((adjustment) => ({ ...adjustment, id: adjustment.id - firstRow }))
    const rawId = query.rawId !== undefined && has(query.rawId) ? query.rawId - firstRow : undefined
    head.logits(at, pointer)
    const distribution = head.distribution(at, { ...query, adjustments, rawId })
    const logSumExp = distribution.logSumExp
    const { ids, logits } = distribution.largest(query.top)
    const whole = (slice: Int32Array) => Array.from(slice, (id) => id + firstRow)
    const rawTop = query.rawTop === undefined ? undefined : distribution.rawTop(query.rawTop)
    return {
      ids: whole(ids),
      logits: [...logits],
      raw: Array.from(ids, (id) => distribution.rawLogit(id)),
      logSumExp,
      ...(rawTop && {
        rawTop: { ids: whole(rawTop.ids), logits: [...rawTop.logits] },
        rawLogSumExp: distribution.rawLogSumExp,
      }),
      ...(rawId !== undefined && { rawLogit: distribution.rawLogit(rawId) }),
    }
  }
}

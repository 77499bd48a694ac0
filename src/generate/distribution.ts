/** A change to one logit before sampling: logit = (logit < 0 ? logit * scale : logit / scale) + add. */
export interface Adjustment {
  readonly id: number
  /** Repetition penalty (1 = none), as in CTRL (Keskar et al. 2019). */
  readonly scale: number
  /** Logit bias, minus presence and frequency penalties. */
  readonly add: number
}

/** A set of token ids: bit id & 31 of word id >>> 5. Ids beyond its end are not in it. */
export type TokenMask = Uint32Array

/** Candidates in descending order of adjusted logit, ties by ascending id. */
export interface Candidates {
  readonly ids: Int32Array
  readonly logits: Float32Array
}

/** What will be asked of a distribution, so that a head elsewhere can answer it all at once. */
export interface DistributionQuery {
  readonly adjustments: readonly Adjustment[]
  /** The tokens that may be sampled; the adjusted logits of all others are -Infinity. Left out: all. */
  readonly allowed?: TokenMask
  /** Of `logSumExp`. */
  readonly temperature: number
  /** Most candidates of `rawTop`; undefined: nothing raw is asked. */
  readonly rawTop?: number
  /** A token of which `rawLogit` is asked though it is no candidate. */
  readonly rawId?: number
}

/** A next-token distribution held by a model: small requests are cheap, the full vocabulary is there when asked for. */
export interface Distribution {
  readonly vocabSize: number
  /** The `count` most likely tokens, after adjustments. */
  top(count: number): Promise<Candidates>
  /** log sum exp over the whole vocabulary of (adjusted logit / temperature of the query). */
  readonly logSumExp: number
  /** Logits of the query's token and of those that `top` gave, and log-sum-exp at temperature 1, all before anything is adjusted: what logprobs report. */
  rawLogit(id: number): number
  rawTop(count: number): Candidates
  readonly rawLogSumExp: number
}

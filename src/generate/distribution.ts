/** A change to one logit before sampling: logit = (logit < 0 ? logit * scale : logit / scale) + add. */
export interface Adjustment {
  readonly id: number
  /** Repetition penalty (1 = none), as in CTRL (Keskar et al. 2019). */
  readonly scale: number
  /** Logit bias, minus presence and frequency penalties. */
  readonly add: number
}

/** Candidates in descending order of adjusted logit, ties by ascending id. */
export interface Candidates {
  readonly ids: Int32Array
  readonly logits: Float32Array
}

/** A next-token distribution held by a model: small requests are cheap, the full vocabulary is there when asked for. */
export interface Distribution {
  readonly vocabSize: number
  /** The `count` most likely tokens, after adjustments. */
  top(count: number): Candidates
  /** log sum exp over the whole vocabulary of (adjusted logit / temperature). */
  logSumExp(temperature: number): number
  /** Logit of one token and log-sum-exp at temperature 1, both before adjustments: what logprobs report. */
  rawLogit(id: number): number
  rawTop(count: number): Candidates
  rawLogSumExp(): number
}

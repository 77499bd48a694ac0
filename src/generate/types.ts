export interface SamplingParams {
  /** 0 takes the most likely token. */
  temperature: number
  topP: number
  /** 0: all tokens. */
  topK: number
  minP: number
  /** 1: none. */
  repetitionPenalty: number
  presencePenalty: number
  frequencyPenalty: number
  /** Added to the logits of these token ids. */
  logitBias: ReadonlyMap<number, number>
  /** undefined: not reproducible. */
  seed: number | undefined
}

export interface GenerateRequest {
  promptIds: readonly number[]
  /** Tokens of this answer that were generated before, here or elsewhere: penalties count them, and the seed's numbers go on. */
  generatedIds?: readonly number[]
  /** Counts the tokens to come, the EOS token not among them. */
  maxTokens: number
  sampling: SamplingParams
  eosIds: readonly number[]
  /** Alternatives (0 .. 20) to report beside each token's own logprob; undefined: no logprobs. */
  topLogprobs: number | undefined
  steering?: Steering
  signal: AbortSignal
}

/** What overrules the sampler, asked before every token. */
export interface Steering {
  /** Tokens to take next, whatever the model would say; mostly none. Not asked again before they are taken. */
  forced(): readonly number[]
  /** Tokens never to sample from now on. */
  banned(): readonly number[]
}

/** Natural logarithms of probabilities at temperature 1, before any adjustment. */
export interface TokenLogprobs {
  logprob: number
  top: { id: number; logprob: number }[]
}

export interface GeneratedToken {
  id: number
  logprobs: TokenLogprobs | undefined
}

/** 'length': maxTokens were generated, or the context is full. */
export type GenerateEnd = 'eos' | 'length' | 'aborted'

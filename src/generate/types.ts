import type { TokenMask } from './distribution.ts'
import type { Sequence } from './language-model.ts'

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

/** When an answer ends before its length is reached. */
export interface StopRules {
  /** Tokens before which neither the EOS token nor one of `stopTokenIds` is sampled. */
  readonly minTokens: number
  /** The EOS token is one like others: it comes, and the answer goes on. */
  readonly ignoreEos: boolean
  /** Tokens that end the answer as the EOS token does, and are no part of it. */
  readonly stopTokenIds: readonly number[]
}

export interface GenerateRequest {
  promptIds: readonly number[]
  /** Tokens of this answer that were generated before, here or elsewhere: penalties count them, and the seed's numbers go on. */
  generatedIds?: readonly number[]
  /** Counts the tokens to come, the EOS token not among them. */
  maxTokens: number
  sampling: SamplingParams
  eosIds: readonly number[]
  /** Tokens of the answer before which none of `eosIds` is sampled; left out: none. */
  minTokens?: number
  /** Alternatives (0 .. 20) to report beside each token's own logprob; undefined: no logprobs. */
  topLogprobs: number | undefined
  steering?: Steering
  /** Holds the first of these tokens, and stays its owner's; left out: one of its own. */
  sequence?: Sequence
  signal: AbortSignal
}

/** What overrules the sampler, asked before every token. */
export interface Steering {
  /** Tokens to take next, whatever the model would say; mostly none. Not asked again before they are taken. */
  forced(): readonly number[]
  /** Tokens never to sample from now on. */
  banned(): readonly number[]
  /** The answer is whole: nothing may follow, so that the model need not be asked. Left out: it says so itself. */
  ended?(): boolean
  /** The only tokens to sample next, EOS among them where the answer may end; undefined, or left out: all. */
  allowed?(): TokenMask | undefined
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

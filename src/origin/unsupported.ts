import type { SamplingParams, StopRules } from '../generate/types.ts'
import type { OriginClient } from './clients/client.ts'

export interface Demands {
  readonly sampling: SamplingParams
  readonly topLogprobs: number | undefined
  /** Tokens were generated already, elsewhere. */
  readonly begun: boolean
  /** A grammar is open. */
  readonly grammar: boolean
  /** The prompt can be told as text. */
  readonly hasText: boolean
  readonly stopRules: StopRules
  /** The prompt's own logprobs are asked for; left out: they are not. */
  readonly scorePrompt?: boolean
}

/** Why an origin could not answer exactly what is asked; undefined: it can. @param textOnly it is not asked with ids */
export function unsupported(client: OriginClient, textOnly: boolean, demands: Demands): string | undefined {
  const { sampling, topLogprobs, begun, grammar, hasText, stopRules, scorePrompt } = demands
  const { lacks = {} } = client
  if (scorePrompt) return "only the edge tells the prompt's logprobs."
  if ((stopRules.minTokens > 0 || stopRules.ignoreEos) && lacks.stopRules) return lacks.stopRules
  const counted = sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0
  if (counted && begun)
    return 'it would take generated tokens for prompt, which presence and frequency penalties leave out.'
  if (counted && lacks.penalties) return lacks.penalties
  if (!textOnly) return topLogprobs === undefined ? undefined : lacks.logprobs
  if (!hasText) return 'a message is written like a control token, which text cannot tell from one.'
  if (grammar) return 'a grammar is held token by token, and it takes text only.'
  if (topLogprobs !== undefined) return 'logprobs need token ids, and it takes text only.'
  if (stopRules.stopTokenIds.length > 0) return 'stop_token_ids need token ids, and it takes text only.'
  if (sampling.logitBias.size > 0) return 'logit_bias needs token ids, and it takes text only.'
  if (!client.textFields && (sampling.topK > 0 || sampling.minP > 0 || sampling.repetitionPenalty !== 1)) {
    return "OpenAI's completions have no top_k, min_p and repetition_penalty."
  }
  return undefined
}

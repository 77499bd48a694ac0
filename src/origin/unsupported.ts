import type { SamplingParams } from '../generate/types.ts'
import type { OriginClient } from './clients/client.ts'

export interface Demands {
  readonly sampling: SamplingParams
  readonly topLogprobs: number | undefined
  /** Tokens were generated already, elsewhere. */
  readonly begun: boolean
  /** The prompt can be told as text. */
  readonly hasText: boolean
}

/** Why an origin could not answer exactly what is asked; undefined: it can. @param textOnly it is not asked with ids */
export function unsupported(client: OriginClient, textOnly: boolean, demands: Demands): string | undefined {
  const { sampling, topLogprobs, begun, hasText } = demands
  const { lacks = {} } = client
  const counted = sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0
  if (counted && begun)
    return 'it would take generated tokens for prompt, which presence and frequency penalties leave out.'
  if (counted && lacks.penalties) return lacks.penalties
  if (!textOnly) return topLogprobs === undefined ? undefined : lacks.logprobs
  if (!hasText) return 'a message is written like a control token, which text cannot tell from one.'
  if (topLogprobs !== undefined) return 'logprobs need token ids, and it takes text only.'
  if (sampling.logitBias.size > 0) return 'logit_bias needs token ids, and it takes text only.'
  if (!client.textFields && (sampling.topK > 0 || sampling.minP > 0 || sampling.repetitionPenalty !== 1)) {
    return "OpenAI's completions have no top_k, min_p and repetition_penalty."
  }
  return undefined
}

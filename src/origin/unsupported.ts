import type { SamplingParams } from '../generate/types.ts'
import type { OriginClient } from './clients/client.ts'
import { takesExtendedSampling } from './clients/completions-text.ts'
import type { OriginKind } from './origin-config.ts'

export interface Demands {
  readonly sampling: SamplingParams
  readonly topLogprobs: number | undefined
  /** Tokens were generated already, elsewhere. */
  readonly begun: boolean
  /** The prompt can be told as text. */
  readonly hasText: boolean
}

/** Why an origin could not answer exactly what is asked; undefined: it can. */
export function unsupported(kind: OriginKind, takes: OriginClient['takes'], demands: Demands): string | undefined {
  const { sampling, topLogprobs, begun, hasText } = demands
  const counted = sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0
  if (counted && begun)
    return 'it would take generated tokens for prompt, which presence and frequency penalties leave out.'
  if (counted && kind === 'llama-server') return 'its presence and frequency penalties count the prompt too.'
  if (takes === 'text') {
    if (!hasText) return 'a message is written like a control token, which text cannot tell from one.'
    if (topLogprobs !== undefined) return 'logprobs need token ids, and it takes text only.'
    if (sampling.logitBias.size > 0) return 'logit_bias needs token ids, and it takes text only.'
    if (!takesExtendedSampling(kind) && (sampling.topK > 0 || sampling.minP > 0 || sampling.repetitionPenalty !== 1)) {
      return "OpenAI's completions have no top_k, min_p and repetition_penalty."
    }
  } else if (topLogprobs !== undefined) {
    if (kind === 'sglang') return 'its logprobs are those after the temperature.'
    if (kind === 'llama-server') return 'it leaves out the logprobs of tokens that are no whole character.'
  }
  return undefined
}

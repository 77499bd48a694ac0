import type { SamplingParams, StopRules } from '../../generate/types.ts'

/** The fields of OpenAI's completions API. */
export function openAiSampling(sampling: SamplingParams) {
  return {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    ...(sampling.logitBias.size > 0 && { logit_bias: Object.fromEntries(sampling.logitBias) }),
    ...(sampling.seed !== undefined && { seed: sampling.seed }),
  }
}

/** What vLLM and SGLang add to them. */
export function extendedSampling(sampling: SamplingParams) {
  return {
    top_k: sampling.topK > 0 ? sampling.topK : -1,
    min_p: sampling.minP,
    repetition_penalty: sampling.repetitionPenalty,
  }
}

/** Those of vLLM and SGLang for when an answer ends; none where there are no rules. */
export function stopRuleFields({ minTokens, ignoreEos, stopTokenIds }: StopRules) {
  return {
    ...(minTokens > 0 && { min_tokens: minTokens }),
    ...(ignoreEos && { ignore_eos: true }),
    ...(stopTokenIds.length > 0 && { stop_token_ids: stopTokenIds }),
  }
}

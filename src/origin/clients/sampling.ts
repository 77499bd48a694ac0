import type { SamplingParams } from '../../generate/types.ts'

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

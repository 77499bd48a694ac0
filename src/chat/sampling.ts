import type { SamplingParams } from '../generate/types.ts'

/** OpenAI's defaults, and everything else off. */
const NEUTRAL: SamplingParams = {
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
  seed: undefined,
}

/** The request's settings, completed by the model's own. */
export function samplingParams(requested: Partial<SamplingParams>, defaults: Partial<SamplingParams>): SamplingParams {
  return { ...NEUTRAL, ...given(defaults), ...given(requested) }
}

function given(params: Partial<SamplingParams>): Partial<SamplingParams> {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined))
}

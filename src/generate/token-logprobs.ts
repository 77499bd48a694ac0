import type { Distribution } from './distribution.ts'
import type { TokenLogprobs } from './types.ts'

/** Of token `id` and of the `count` most likely ones, before penalties and temperature: vLLM's default, raw_logprobs. */
export function tokenLogprobs(distribution: Distribution, id: number, count: number): TokenLogprobs {
  const logSumExp = distribution.rawLogSumExp
  const { ids, logits } = distribution.rawTop(Math.min(count, distribution.vocabSize))
  return {
    logprob: distribution.rawLogit(id) - logSumExp,
    top: Array.from(ids, (topId, i) => ({ id: topId, logprob: logits[i] - logSumExp })),
  }
}

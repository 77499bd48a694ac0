import { checkRequest } from './check-request.ts'
import type { LanguageModel } from './language-model.ts'
import { Penalties } from './penalties.ts'
import { createRandom } from './random.ts'
import { sample } from './sampler.ts'
import { tokenLogprobs } from './token-logprobs.ts'
import { turn } from './turn.ts'
import type { GeneratedToken, GenerateEnd, GenerateRequest } from './types.ts'

/**
 * The generation loop: run tokens, sample one, yield it, and run that. The EOS token ends it and is not yielded.
 * At most one token is yielded after the signal aborts. Throws GenerateRequestError (see checkRequest) at the first `next`.
 */
export async function* generate(
  model: LanguageModel,
  request: GenerateRequest,
): AsyncGenerator<GeneratedToken, GenerateEnd> {
  checkRequest(model, request)
  const { promptIds, maxTokens, sampling, eosIds, topLogprobs, signal } = request
  const random = createRandom(sampling.seed)
  const penalties = new Penalties(sampling, promptIds)
  const sequence = model.createSequence()
  try {
    let tokens = promptIds
    for (let left = Math.min(maxTokens, model.contextLength - promptIds.length); left > 0; left--) {
      for (let start = 0; start < tokens.length; start += model.chunkLength) {
        await turn()
        if (signal.aborted) return 'aborted'
        await model.forward(sequence, tokens.slice(start, start + model.chunkLength))
      }
      const distribution = await model.distribution(sequence, penalties.adjustments)
      const id = sample(distribution, sampling, random)
      if (eosIds.includes(id)) return 'eos'
      yield { id, logprobs: topLogprobs === undefined ? undefined : tokenLogprobs(distribution, id, topLogprobs) }
      penalties.count(id)
      tokens = [id]
    }
    return 'length'
  } finally {
    sequence.release()
  }
}

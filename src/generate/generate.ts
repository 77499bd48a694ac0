import { checkRequest } from './check-request.ts'
import type { LanguageModel } from './language-model.ts'
import { Penalties } from './penalties.ts'
import { createRandom } from './random.ts'
import { sample } from './sampler.ts'
import { tokenLogprobs } from './token-logprobs.ts'
import type { GeneratedToken, GenerateEnd, GenerateRequest } from './types.ts'

/**
 * The generation loop: run tokens, sample one (or take a forced one), yield it, and run that. The EOS token ends it and is not yielded.
 * At most one token is yielded after the signal aborts. Throws GenerateRequestError (see checkRequest) at the first `next`.
 */
export async function* generate(
  model: LanguageModel,
  request: GenerateRequest,
): AsyncGenerator<GeneratedToken, GenerateEnd> {
  checkRequest(model, request)
  const {
    promptIds,
    generatedIds = [],
    maxTokens,
    minTokens = 0,
    sampling,
    eosIds,
    topLogprobs,
    steering,
    signal,
  } = request
  // Every token takes one number, forced or sampled, so that what goes on with a seed takes the same as what never stopped.
  const random = createRandom(sampling.seed)
  const penalties = new Penalties(sampling, promptIds)
  for (const id of generatedIds) {
    random()
    penalties.count(id)
  }
  const sequence = request.sequence ?? model.createSequence()
  try {
    const begun = [...promptIds, ...generatedIds]
    let tokens: readonly number[] = begun.slice(sequence.length)
    let forced: readonly number[] = []
    const last = generatedIds.length + Math.min(maxTokens, model.contextLength - begun.length)
    for (let made = generatedIds.length; ; made++) {
      if (steering?.ended?.()) return 'eos'
      if (made >= last) return 'length'
      await model.forward(sequence, tokens, signal)
      if (signal.aborted) return 'aborted'
      if (forced.length === 0) forced = steering?.forced() ?? []
      for (const id of steering?.banned() ?? []) penalties.ban(id)
      const distribution = await model.distribution(sequence, {
        adjustments: made < minTokens ? penalties.without(eosIds) : penalties.adjustments,
        // A token that is forced is not sampled.
        allowed: forced.length > 0 ? undefined : steering?.allowed?.(),
        temperature: sampling.temperature,
        rawTop: topLogprobs,
        rawId: forced[0],
      })
      if (forced.length > 0) random()
      const id = forced[0] ?? (await sample(distribution, sampling, random))
      forced = forced.slice(1)
      if (eosIds.includes(id)) return 'eos'
      yield { id, logprobs: topLogprobs === undefined ? undefined : tokenLogprobs(distribution, id, topLogprobs) }
      penalties.count(id)
      tokens = [id]
    }
  } finally {
    if (!request.sequence) sequence.release()
  }
}

import type { Candidates, Distribution } from './distribution.ts'
import type { Random } from './random.ts'
import type { SamplingParams } from './types.ts'

/** Below this temperature the most likely token is taken, as in vLLM (_SAMPLING_EPS). */
const GREEDY_BELOW = 1e-5
/** Candidates asked for first; a nucleus of 0.95 is mostly far smaller. */
const FIRST_COUNT = 64
const GROWTH = 8

export class NonFiniteLogitsError extends Error {
  readonly code = 'non_finite_logits'

  constructor() {
    super(
      'No token can be sampled, because the logits are not finite numbers. ' +
        'Either logit_bias forbids every token, or the model computed NaN or Infinity: check its weights.',
    )
    this.name = 'NonFiniteLogitsError'
  }
}

/** What narrows a distribution down: everything but the adjustments, which it holds already. */
export type Filters = Pick<SamplingParams, 'temperature' | 'topP' | 'topK' | 'minP'>

/**
 * Draws a token id. The order is vLLM's (https://docs.vllm.ai/en/v0.22.1/api/vllm/v1/sample/sampler/): temperature, then
 * min-p relative to the most likely token, then top-k, then top-p of the mass that these left. Exact over the whole
 * vocabulary, but for tokens of equal logit: these are in order of ascending id, so that top-k keeps exactly k.
 * `distribution` is of the query with this temperature. One number is taken from `random`, none for greedy. Throws NonFiniteLogitsError.
 */
export async function sample(distribution: Distribution, filters: Filters, random: Random): Promise<number> {
  if (filters.temperature < GREEDY_BELOW) {
    const best = await distribution.top(1)
    if (!Number.isFinite(best.logits[0])) throw new NonFiniteLogitsError()
    return best.ids[0]
  }
  const uniform = random()
  const topK = filters.topK > 0 ? Math.min(filters.topK, distribution.vocabSize) : distribution.vocabSize
  let count = topK < distribution.vocabSize ? topK : Math.min(FIRST_COUNT, topK)
  for (;;) {
    const candidates = await distribution.top(count)
    const weights = survivingWeights(candidates, filters)
    const complete = count === topK || weights.length < count
    const mass = remainingMass(distribution, candidates, weights, complete, filters)
    const index = mass === undefined ? undefined : drawIndex(weights, complete, mass, filters.topP, uniform)
    if (index !== undefined) return candidates.ids[index]
    count = Math.min(count * GROWTH, topK)
  }
}

/** exp((logit - largest logit) / temperature) of the candidates that min-p keeps: they come first. Tokens of weight 0 go. */
function survivingWeights({ logits }: Candidates, { temperature, minP }: Filters): Float64Array {
  if (!Number.isFinite(logits[0])) throw new NonFiniteLogitsError()
  const weights = new Float64Array(logits.length)
  for (let i = 0; i < logits.length; i++) {
    weights[i] = Math.exp((logits[i] - logits[0]) / temperature)
    if (weights[i] < minP || weights[i] === 0) return weights.subarray(0, i)
  }
  return weights
}

// In what follows, `complete` says that no token outside the candidates survives; where it is false,
// undefined says that the answer takes more candidates.

/** Sum of all weights that min-p and top-k leave, relative like these weights. */
function remainingMass(
  distribution: Distribution,
  { logits }: Candidates,
  weights: Float64Array,
  complete: boolean,
  { temperature, minP }: Filters,
): number | undefined {
  if (!complete && minP > 0) return undefined
  const mass = complete
    ? weights.reduce((sum, weight) => sum + weight, 0)
    : Math.exp(distribution.logSumExp - logits[0] / temperature)
  if (!Number.isFinite(mass)) throw new NonFiniteLogitsError()
  return mass
}

/** Index of the token at the fraction `uniform` of the nucleus, which is `topP` of the mass. */
function drawIndex(weights: Float64Array, complete: boolean, mass: number, topP: number, uniform: number) {
  const nucleus = topP < 1 ? nucleusMass(weights, complete, topP * mass) : mass
  return nucleus === undefined ? undefined : indexAt(weights, complete, uniform * nucleus)
}

/** Mass of the nucleus: tokens before which less than `bound` has summed up, so the one that crosses it is in. */
function nucleusMass(weights: Float64Array, complete: boolean, bound: number): number | undefined {
  let mass = 0
  for (const weight of weights) {
    mass += weight
    if (mass >= bound) return mass
  }
  return complete ? mass : undefined
}

/** Index of the first token up to which more than `target` has summed up. */
function indexAt(weights: Float64Array, complete: boolean, target: number): number | undefined {
  let mass = 0
  for (let i = 0; i < weights.length; i++) {
    mass += weights[i]
    if (mass > target) return i
  }
  return complete ? weights.length - 1 : undefined
}

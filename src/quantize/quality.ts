import type { LanguageModel } from '../generate/language-model.ts'

/** How far a model's next-token distributions are from those of its reference, over some texts. */
export interface Quality {
  readonly positions: number
  /** KL(reference || model) in nats over the whole vocabulary. */
  readonly meanKl: number
  readonly medianKl: number
  readonly p99Kl: number
  /** Share of positions whose likeliest token is the reference's. */
  readonly sameTop1: number
  readonly perplexity: number
  readonly referencePerplexity: number
}

const neverAborted = new AbortController().signal

/**
 * Compare a model with reference logits, (tokens, vocabSize) f32 of all sequences one after the other, in chunks of whole tokens. The last
 * position of a sequence, behind which nothing comes, does not count.
 */
export async function measureQuality(
  model: LanguageModel,
  sequences: readonly (readonly number[])[],
  referenceChunks: AsyncIterable<Float32Array>,
  progress?: (done: number, total: number) => void,
): Promise<Quality> {
  const total = sequences.reduce((sum, { length }) => sum + length, 0)
  const rows = rowsOf(referenceChunks, model.vocabSize)
  const divergences: number[] = []
  let [same, nll, referenceNll, done] = [0, 0, 0, 0]
  const logits = new Float32Array(model.vocabSize)
  try {
    for (const tokens of sequences) {
      const sequence = model.createSequence()
      try {
        for (const [i, token] of tokens.entries()) {
          const reference = (await rows.next()).value as Float32Array
          progress?.(++done, total)
          if (i === tokens.length - 1) continue
          await model.forward(sequence, [token], neverAborted)
          const { rawLogit } = await model.distribution(sequence, { adjustments: [], temperature: 1 })
          for (let id = 0; id < logits.length; id++) logits[id] = rawLogit(id)
          const [ours, theirs] = [logSumExp(logits), logSumExp(reference)]
          let divergence = 0
          for (let id = 0; id < logits.length; id++) {
            const logprob = reference[id] - theirs.value
            divergence += Math.exp(logprob) * (logprob - logits[id] + ours.value)
          }
          divergences.push(divergence)
          if (ours.top === theirs.top) same++
          nll += ours.value - logits[tokens[i + 1]]
          referenceNll += theirs.value - reference[tokens[i + 1]]
        }
      } finally {
        sequence.release()
      }
    }
  } finally {
    // The model behind it is let go.
    await rows.return(undefined)
  }
  const count = divergences.length
  const sorted = Float64Array.from(divergences).sort()
  return {
    positions: count,
    meanKl: sorted.reduce((sum, kl) => sum + kl, 0) / count,
    medianKl: sorted[Math.floor(count / 2)],
    p99Kl: sorted[Math.ceil(0.99 * count) - 1],
    sameTop1: same / count,
    perplexity: Math.exp(nll / count),
    referencePerplexity: Math.exp(referenceNll / count),
  }
}

async function* rowsOf(chunks: AsyncIterable<Float32Array>, size: number): AsyncGenerator<Float32Array> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size)
  }
}

function logSumExp(logits: Float32Array): { value: number; top: number } {
  let top = 0
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[top]) top = id
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - logits[top])
  return { value: logits[top] + Math.log(sum), top }
}

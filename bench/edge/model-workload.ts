import { samplingParams } from '../../src/chat/sampling.ts'
import type { LanguageModel } from '../../src/generate/language-model.ts'
import type { GenerateRequest } from '../../src/generate/types.ts'

/** A greedy generation of exactly `tokens` tokens. */
export function greedy(promptIds: readonly number[], tokens: number): GenerateRequest {
  return {
    promptIds,
    maxTokens: tokens,
    sampling: samplingParams({ temperature: 0 }, {}),
    eosIds: [],
    topLogprobs: undefined,
    signal: new AbortController().signal,
  }
}

/** Run a prompt forward. */
export async function prefill(model: LanguageModel, tokens: readonly number[]): Promise<void> {
  const sequence = model.createSequence()
  await model.forward(sequence, tokens, new AbortController().signal)
  sequence.release()
}

/** What to report of one text: the distributions after positions first .. first + ids.length - 1. */
export interface ScoreRequest {
  readonly tokens: readonly number[]
  readonly first: number
  /** For each position, the token ids whose logprobs are wanted. */
  readonly ids: readonly (readonly number[])[]
}

export interface Score {
  readonly top1: number
  readonly logprobs: readonly number[]
}

/** Log-probabilities of the wanted tokens at each position of a text, teacher-forced, one token at a time. */
export async function scoreText(model: LanguageModel, { tokens, first, ids }: ScoreRequest): Promise<Score[]> {
  const sequence = model.createSequence()
  const scores: Score[] = []
  const { signal } = new AbortController()
  for (const wanted of ids) {
    await model.forward(sequence, tokens.slice(sequence.length, first + scores.length + 1), signal)
    const distribution = await model.distribution(sequence, { adjustments: [], temperature: 1, rawTop: 0 })
    const logSumExp = distribution.rawLogSumExp
    scores.push({
      top1: (await distribution.top(1)).ids[0],
      logprobs: wanted.map((id) => distribution.rawLogit(id) - logSumExp),
    })
  }
  sequence.release()
  return scores
}

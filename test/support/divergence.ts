import type { Score, ScoreRequest } from '../../bench/edge/model-workload.ts'
import { compare, type Divergence, type Reference } from '../reference/kl.ts'

/** Divergence from the reference of a model that scores one text at a time, wherever it runs. */
export async function divergence(
  reference: Reference,
  score: (request: ScoreRequest) => Promise<Score[]>,
): Promise<Divergence> {
  const { texts, firstPosition: first, positions, top, topIds } = reference
  let scores: Score[] = []
  let wanted: number[][] = []
  return compare(reference, async (text, position) => {
    const at = position - first
    if (at === 0) {
      const { tokens } = texts[text]
      wanted = Array.from({ length: positions }, (_, i) => {
        const row = (text * positions + i) * top
        return [...topIds.subarray(row, row + top), tokens[first + i + 1]]
      })
      scores = await score({ tokens, first, ids: wanted })
    }
    return { top1: scores[at].top1, logprob: (id) => scores[at].logprobs[wanted[at].indexOf(id)] }
  })
}

import type { Candidates, Distribution } from '../generate/distribution.ts'
import type { SliceAnswer } from './head-slice.ts'

/**
 * One distribution from what all slices of the vocabulary answered; exact, since the largest of all are among the largest of each. `more`
 * asks them for more candidates than the `held` they gave.
 */
export function mergeSlices(
  vocabSize: number,
  answers: readonly SliceAnswer[],
  held: number,
  more: (count: number) => Promise<readonly SliceAnswer[]>,
): Distribution {
  const raw = new Map<number, number>()
  const note = (slices: readonly SliceAnswer[]) => {
    for (const { ids, raw: logits } of slices) for (const [i, id] of ids.entries()) raw.set(id, logits[i])
  }
  note(answers)
  return {
    vocabSize,
    async top(count) {
      if (count <= held) return largest(answers, count)
      const slices = await more(count)
      note(slices)
      return largest(slices, count)
    },
    logSumExp: sumLogs(answers.map(({ logSumExp }) => logSumExp)),
    rawLogit: (id) => raw.get(id) ?? answers.find(({ rawLogit }) => rawLogit !== undefined)?.rawLogit ?? Number.NaN,
    rawTop: (count) =>
      largest(
        answers.map(({ rawTop }) => rawTop!),
        count,
      ),
    rawLogSumExp: sumLogs(answers.map(({ rawLogSumExp }) => rawLogSumExp ?? Number.NaN)),
  }
}

function largest(slices: readonly Pick<SliceAnswer, 'ids' | 'logits'>[], count: number): Candidates {
  const all = slices.flatMap(({ ids, logits }) => ids.map((id, i) => ({ id, logit: logits[i] })))
  // NaN compares as equal to everything: it must not hide behind finite logits.
  if (all.some(({ logit }) => Number.isNaN(logit))) {
    return { ids: Int32Array.of(all[0].id), logits: Float32Array.of(Number.NaN) }
  }
  const top = all.sort((a, b) => b.logit - a.logit || a.id - b.id).slice(0, count)
  return { ids: Int32Array.from(top, ({ id }) => id), logits: Float32Array.from(top, ({ logit }) => logit) }
}

/** log sum exp of parts that are logarithms of sums themselves. */
function sumLogs(logs: readonly number[]): number {
  const top = Math.max(...logs)
  return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0))
}

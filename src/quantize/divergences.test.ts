import { expect, it } from 'vitest'
import { gaussians } from '../../test/kernels/random-values.ts'
import { createRandom } from '../generate/random.ts'
import { Divergences } from './divergences.ts'

it('is the mean KL over the whole vocabulary, however it is cut', () => {
  const [positions, models, vocabulary] = [3, 2, 70]
  const random = createRandom(4)
  // All models, and the one that comes apart; logits far from zero, as models have them.
  const rows = Array.from({ length: models + 1 }, () =>
    Array.from({ length: positions }, () => gaussians(random, vocabulary, 3).map((logit) => logit + 200)),
  )
  const divergences = new Divergences(positions, models)
  for (const [from, to] of [
    [0, 32],
    [32, 64],
    [64, 70],
  ]) {
    const part = (model: Float32Array[]) => model.flatMap((row) => [...row.subarray(from, to)])
    const logits = Float32Array.from(rows.slice(0, models).flatMap(part))
    divergences.add(logits, Float32Array.from(part(rows[models])), to - from)
  }
  const logSum = (logits: Float32Array) =>
    Math.log(logits.reduce((total, logit) => total + Math.exp(logit - 200), 0)) + 200
  const expected = rows.slice(1).map((model) => {
    const kls = model.map((row, p) => {
      const exact = rows[0][p]
      const [lse, exactLse] = [logSum(row), logSum(exact)]
      return exact.reduce((kl, logit, id) => kl + Math.exp(logit - exactLse) * (logit - exactLse - row[id] + lse), 0)
    })
    return kls.reduce((a, b) => a + b) / positions
  })
  for (const [i, mean] of divergences.means().entries()) expect(mean).toBeCloseTo(expected[i], 4)
})

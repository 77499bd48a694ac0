import type { Adjustment, Candidates, Distribution, TokenMask } from '../../src/generate/distribution.ts'

/** The plain reference: a full sort of all logits. Adjusts in float32 steps, sums in doubles. */
export function distributionOf(
  logits: Float32Array,
  adjustments: readonly Adjustment[] = [],
  temperature = 1,
  allowed?: TokenMask,
): Distribution {
  const adjusted = adjust(logits, adjustments)
  if (allowed) for (const id of adjusted.keys()) if (!isAllowed(allowed, id)) adjusted[id] = -Infinity
  return {
    vocabSize: logits.length,
    top: async (count) => largest(adjusted, count),
    logSumExp: logSumExp(adjusted, temperature),
    rawLogit: (id) => logits[id],
    rawTop: (count) => largest(logits, count),
    rawLogSumExp: logSumExp(logits, 1),
  }
}

function isAllowed(allowed: TokenMask, id: number): boolean {
  return ((allowed[id >>> 5] >>> (id & 31)) & 1) === 1
}

function adjust(logits: Float32Array, adjustments: readonly Adjustment[]): Float32Array {
  const adjusted = logits.slice()
  for (const { id, scale, add } of adjustments) {
    const scaled = adjusted[id] < 0 ? adjusted[id] * Math.fround(scale) : adjusted[id] / Math.fround(scale)
    adjusted[id] = Math.fround(scaled) + Math.fround(add)
  }
  return adjusted
}

function largest(logits: Float32Array, count: number): Candidates {
  const ids = Int32Array.from(logits.keys())
    .sort((a, b) => logits[b] - logits[a] || a - b)
    .subarray(0, count)
  return { ids, logits: Float32Array.from(ids, (id) => logits[id]) }
}

function logSumExp(logits: Float32Array, temperature: number): number {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  let sum = 0
  if (max === -Infinity) return max
  for (const logit of logits) sum += Math.exp((logit - max) / temperature)
  return Math.log(sum) + max / temperature
}

/** Ids and values of the k largest logits in descending order, ties by ascending id. */
export function selectTop(logits: Float32Array, k: number) {
  const ids = Array.from(logits.keys())
  ids.sort((a, b) => (logits[a] === logits[b] ? a - b : logits[a] < logits[b] ? 1 : -1))
  ids.length = k
  return { ids, values: ids.map((id) => logits[id]) }
}

/** Sum of e^((logit - top) * factor) in double precision. */
export function sumExp(logits: Float32Array, top: number, factor: number): number {
  return logits.reduce((sum, logit) => sum + Math.exp((logit - top) * factor), 0)
}

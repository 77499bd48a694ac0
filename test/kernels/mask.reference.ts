/** Logits of which bit i of `bits` is 0 are -Infinity. */
export function maskLogits(logits: Float32Array, bits: Uint32Array): Float32Array {
  return logits.map((logit, i) => ((bits[i >>> 5] >>> (i & 31)) & 1 ? logit : Number.NEGATIVE_INFINITY))
}

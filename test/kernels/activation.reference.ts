/** silu(gate) * up in double precision. */
export function siluMultiply(gate: Float32Array, up: Float32Array): Float64Array {
  return Float64Array.from(gate, (x, i) => (x / (1 + Math.exp(-x))) * up[i])
}

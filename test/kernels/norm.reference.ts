/** x / sqrt(mean(x^2) + eps) * weight in double precision; x, weight (size). */
export function rmsNorm(x: Float32Array, weight: Float32Array, eps: number): Float64Array {
  const squares = x.reduce((sum, value) => sum + value * value, 0)
  const root = Math.sqrt(squares / x.length + eps)
  return Float64Array.from(x, (value, i) => (value / root) * weight[i])
}

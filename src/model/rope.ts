import type { ModelConfig } from '../weights/manifest.ts'

/**
 * cos, sin (positions, headDim / 2) f32 of the rotation angles position / theta^(2i / headDim), from double precision: at long
 * context a float32 angle is off by more than the rotation of the fastest pair (RoPE, Su et al. 2021).
 */
export function fillRotations(
  cos: Float32Array,
  sin: Float32Array,
  firstPosition: number,
  { ropeTheta, headDim }: ModelConfig,
): void {
  const half = headDim / 2
  const frequencies = Float64Array.from({ length: half }, (_, i) => ropeTheta ** (-i / half))
  for (let at = 0; at < cos.length; at++) {
    const angle = (firstPosition + Math.floor(at / half)) * frequencies[at % half]
    cos[at] = Math.cos(angle)
    sin[at] = Math.sin(angle)
  }
}

/**
 * The mean over all positions of the model of what the rotation makes of a key's bias: (kvHeads * headDim) f32, like the bias.
 * Of the slow pairs, which hardly turn, it is nearly all of the bias; of the fast ones next to nothing.
 */
export function meanRotated(
  bias: Float32Array,
  { ropeTheta, ropeLayout, headDim, maxPositionEmbeddings: positions }: ModelConfig,
): Float32Array {
  const half = headDim / 2
  const [step, apart] = ropeLayout === 'half' ? [1, half] : [2, 1]
  const mean = new Float32Array(bias.length)
  for (let pair = 0; pair < bias.length / 2; pair++) {
    const first = Math.floor(pair / half) * headDim + (pair % half) * step
    // The sum of e^(i frequency position) over the positions is a geometric one.
    const frequency = ropeTheta ** (-(pair % half) / half)
    const size = Math.sin((positions * frequency) / 2) / (positions * Math.sin(frequency / 2))
    const angle = ((positions - 1) * frequency) / 2
    const [cos, sin] = [size * Math.cos(angle), size * Math.sin(angle)]
    const [a, b] = [bias[first], bias[first + apart]]
    mean[first] = a * cos - b * sin
    mean[first + apart] = b * cos + a * sin
  }
  return mean
}

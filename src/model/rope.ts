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

/** Which elements of a head rotate together: i with i + headDim / 2, or 2i with 2i + 1. */
export type RopeLayout = 'half' | 'interleaved'

/** The two elements of pair i. */
export function pairOf(i: number, headDim: number, layout: RopeLayout): [number, number] {
  return layout === 'half' ? [i, i + headDim / 2] : [2 * i, 2 * i + 1]
}

/** x (heads, headDim) with each pair turned by its angle, in double precision; cos, sin (headDim / 2). */
export function rope(x: Float32Array, cos: Float32Array, sin: Float32Array, layout: RopeLayout): Float64Array {
  const headDim = cos.length * 2
  const out = new Float64Array(x.length)
  for (let head = 0; head < x.length; head += headDim) {
    for (let i = 0; i < cos.length; i++) {
      const [first, second] = pairOf(i, headDim, layout).map((at) => head + at)
      out[first] = x[first] * cos[i] - x[second] * sin[i]
      out[second] = x[second] * cos[i] + x[first] * sin[i]
    }
  }
  return out
}

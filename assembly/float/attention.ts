import { exp4, madd, maxLanes, sumLanes } from '../simd'

/**
 * out <- causal attention over one sequence in float: out, q (count, heads * headDim) f32; k, v (count, kvHeads * headDim) f32; headDim a
 * multiple of 4. scores: count + 3 floats of scratch.
 */
export function attendFloat(
  out: usize, q: usize, k: usize, v: usize, count: i32, heads: i32, kvHeads: i32, headDim: i32, scores: usize,
): void {
  const bytes = headDim << 2
  const qStride = heads * bytes, kvStride = kvHeads * bytes
  const scale: f32 = 1 / sqrt<f32>(<f32>headDim)
  for (let head = 0; head < heads; head++) {
    const at = (head / (heads / kvHeads)) * bytes
    for (let i = 0; i < count; i++) {
      const query = q + i * qStride + head * bytes
      const keys = i + 1
      for (let j = 0; j < keys; j++) {
        const key = k + j * kvStride + at
        let sum = f32x4.splat(0)
        for (let d = 0; d < bytes; d += 16) sum = madd(v128.load(query + d), v128.load(key + d), sum)
        f32.store(scores + (j << 2), scale * sumLanes(sum))
      }
      // Whole vectors: what is behind the last score has no share.
      for (let j = keys; (j & 3) != 0; j++) f32.store(scores + (j << 2), -1e30)
      let top = f32x4.splat(-1e30)
      for (let j = 0; j < keys; j += 4) top = f32x4.pmax(top, v128.load(scores + (j << 2)))
      const most = f32x4.splat(maxLanes(top))
      let total = f32x4.splat(0)
      for (let j = 0; j < keys; j += 4) {
        const share = exp4(f32x4.sub(v128.load(scores + (j << 2)), most))
        v128.store(scores + (j << 2), share)
        total = f32x4.add(total, share)
      }
      const inverse = f32x4.splat(1 / sumLanes(total))
      const to = out + i * qStride + head * bytes
      for (let d = 0; d < bytes; d += 16) {
        let sum = f32x4.splat(0)
        let value = v + at + d
        for (let j = 0; j < keys; j++, value += kvStride) sum = madd(v128.load32_splat(scores + (j << 2)), v128.load(value), sum)
        v128.store(to + d, f32x4.mul(sum, inverse))
      }
    }
  }
}

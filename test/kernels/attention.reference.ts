import { KV_GROUP } from '../../assembly/layout.ts'
import { EXP_ERROR, roundings } from './tolerance.ts'

export interface CacheShape {
  readonly kvHeads: number
  readonly capacity: number
  readonly headDim: number
}

/** Keys or values of one layer, as assembly/kv-cache.ts lays them out. */
export interface Cache extends CacheShape {
  /** (kvHeads, capacity, headDim) */
  readonly elements: Int8Array
  /** (kvHeads, capacity, headDim / 32) */
  readonly scales: Float32Array
}

export function cacheBytes({ kvHeads, capacity, headDim }: CacheShape): number {
  return kvHeads * capacity * (headDim + 4 * (headDim / KV_GROUP))
}

/** The cache in `bytes`: elements first, then scales. */
export function cacheIn(bytes: Uint8Array, shape: CacheShape): Cache {
  const size = shape.kvHeads * shape.capacity * shape.headDim
  return {
    ...shape,
    elements: new Int8Array(bytes.buffer, bytes.byteOffset, size),
    scales: new Float32Array(bytes.buffer, bytes.byteOffset + size, size / KV_GROUP),
  }
}

const f32 = Math.fround

/** Ties to even, as f32x4.nearest. */
function nearest(x: number): number {
  const rounded = Math.round(x)
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

/** cache[position] <- x (kvHeads, headDim), with the float32 roundings of the kernel, so that both are equal. */
export function storeKv(cache: Cache, x: Float32Array, position: number): void {
  const { kvHeads, capacity, headDim } = cache
  for (let head = 0; head < kvHeads; head++) {
    for (let first = 0; first < headDim; first += KV_GROUP) {
      const group = x.subarray(head * headDim + first, head * headDim + first + KV_GROUP)
      const top = group.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
      const at = (head * capacity + position) * headDim + first
      cache.scales[at / KV_GROUP] = top / 127
      const inverse = top > 0 ? f32(127 / top) : 0
      group.forEach((value, i) => {
        cache.elements[at + i] = nearest(f32(value * inverse))
      })
    }
  }
}

/** (headDim) float: one dequantized vector of a cache. */
export function vectorAt({ elements, scales, capacity, headDim }: Cache, head: number, position: number): Float64Array {
  const at = (head * capacity + position) * headDim
  return Float64Array.from({ length: headDim }, (_, i) => elements[at + i] * scales[Math.floor((at + i) / KV_GROUP)])
}

/**
 * softmax(q k / sqrt(headDim)) v of the dequantized cache in double precision, q (heads, headDim), and how far the kernel may
 * be from it. The kernel rounds q to 16 bits, so that each element is off by half of step = max|q| / 32767 (and 0.01 for
 * float32), and rounds a score about 12 times: scores are off by at most
 *   delta = (0.51 step sum|k| + 12 roundings of sum|q k|) / sqrt(headDim),
 * so that each weight is off by a factor e^(+-2 delta), and by the exponential's own error. Two sums over positions round
 * 2 count + 16 times. Exponentials below e^-87.3 are zero.
 */
export function attend(q: Float32Array, keys: Cache, values: Cache, count: number, heads: number) {
  const { headDim, kvHeads } = keys
  const out = new Float64Array(heads * headDim)
  const bounds = new Float64Array(heads * headDim)
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor((head * kvHeads) / heads)
    const query = q.subarray(head * headDim, (head + 1) * headDim)
    const step = query.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / 32767
    let delta = 0
    const scores = Array.from({ length: count }, (_, position) => {
      const key = vectorAt(keys, kvHead, position)
      let [score, error] = [0, 0]
      key.forEach((k, i) => {
        score += query[i] * k
        error += 0.51 * step * Math.abs(k) + roundings(12) * Math.abs(query[i] * k)
      })
      delta = Math.max(delta, error / Math.sqrt(headDim))
      return score / Math.sqrt(headDim)
    })
    const top = Math.max(...scores)
    const total = scores.reduce((sum, score) => sum + Math.exp(score - top), 0)
    const relative = Math.expm1(2 * delta) + 2 * EXP_ERROR + roundings(2 * count + 16)
    scores.forEach((score, position) => {
      const weight = Math.exp(score - top) / total
      vectorAt(values, kvHead, position).forEach((v, i) => {
        out[head * headDim + i] += weight * v
        bounds[head * headDim + i] += (relative * weight + 1e-37) * Math.abs(v)
      })
    })
  }
  return { out, bounds }
}

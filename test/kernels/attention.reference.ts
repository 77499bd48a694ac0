import { roundings } from './tolerance.ts'

export interface CacheShape {
  readonly kvHeads: number
  readonly capacity: number
  readonly headDim: number
}

/** Keys or values of one layer, as assembly/kv-cache.ts lays them out. */
export interface Cache extends CacheShape {
  readonly elements: Int8Array
  /** (kvHeads, slots) */
  readonly scales: Float32Array
  /** (kvHeads, slots), of keys only. */
  readonly biases: Int32Array | undefined
  /** Where an element stands. */
  at(head: number, position: number, i: number): number
}

const TILE = 64
const QUERY_ZERO = 64
const f32 = Math.fround

const slotsOf = (capacity: number) => Math.ceil(capacity / TILE) * TILE

export function keyBytes({ kvHeads, capacity, headDim }: CacheShape): number {
  return kvHeads * slotsOf(capacity) * (headDim + 8)
}

export function valueBytes({ kvHeads, capacity, headDim }: CacheShape): number {
  return kvHeads * slotsOf(capacity) * (headDim + 4)
}

export function keysIn(bytes: Uint8Array, shape: CacheShape): Cache {
  const { headDim } = shape
  const positions = shape.kvHeads * slotsOf(shape.capacity)
  return {
    ...shape,
    elements: new Int8Array(bytes.buffer, bytes.byteOffset, positions * headDim),
    scales: new Float32Array(bytes.buffer, bytes.byteOffset + positions * headDim, positions),
    biases: new Int32Array(bytes.buffer, bytes.byteOffset + positions * (headDim + 4), positions),
    at(head, position, i) {
      const slot = head * slotsOf(shape.capacity) + position
      return Math.floor(slot / 8) * 8 * headDim + Math.floor(i / 4) * 32 + (slot % 8) * 4 + (i % 4)
    },
  }
}

export function valuesIn(bytes: Uint8Array, shape: CacheShape): Cache {
  const { headDim } = shape
  const positions = shape.kvHeads * slotsOf(shape.capacity)
  return {
    ...shape,
    elements: new Int8Array(bytes.buffer, bytes.byteOffset, positions * headDim),
    scales: new Float32Array(bytes.buffer, bytes.byteOffset + positions * headDim, positions),
    biases: undefined,
    at(head, position, i) {
      const slot = head * slotsOf(shape.capacity) + position
      const [tile, inTile] = [Math.floor(slot / TILE), slot % TILE]
      return (
        tile * TILE * headDim + Math.floor(i / 8) * 8 * TILE + Math.floor(inTile / 4) * 32 + (i % 8) * 4 + (inTile % 4)
      )
    },
  }
}

/** Ties to even. */
function nearest(x: number): number {
  const rounded = Math.round(x)
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

const largestOf = (x: Float32Array) => x.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)

/** x rounded to integers of a size up to `most`, with the float32 roundings of the kernels, so that both are equal. */
function rounded(x: Float32Array, most: number): number[] {
  const top = largestOf(x)
  const inverse = top > 0 ? f32(most / top) : 0
  return Array.from(x, (value) => nearest(f32(value * inverse)))
}

/** cache[position] <- x (kvHeads, headDim). */
export function store(cache: Cache, x: Float32Array, position: number): void {
  const { kvHeads, capacity, headDim } = cache
  for (let head = 0; head < kvHeads; head++) {
    const vector = x.subarray(head * headDim, (head + 1) * headDim)
    const bytes = rounded(vector, 127)
    bytes.forEach((byte, i) => {
      cache.elements[cache.at(head, position, i)] = byte
    })
    const slot = head * slotsOf(capacity) + position
    cache.scales[slot] = largestOf(vector) / 127
    if (cache.biases) cache.biases[slot] = -QUERY_ZERO * bytes.reduce((sum, byte) => sum + byte, 0)
  }
}

const scaleAt = ({ scales, capacity }: Cache, head: number, position: number) =>
  scales[head * slotsOf(capacity) + position]

const bytesAt = ({ elements, headDim, at }: Cache, head: number, position: number) =>
  Array.from({ length: headDim }, (_, i) => elements[at(head, position, i)])

/** (headDim) float: one vector of a cache. */
export function vectorAt(cache: Cache, head: number, position: number): Float64Array {
  return Float64Array.from(bytesAt(cache, head, position), (byte) => byte * scaleAt(cache, head, position))
}

/** The relative error that `pow2` of assembly/simd.ts promises. */
const POW2_ERROR = 3e-6

/**
 * softmax(q k / sqrt(headDim)) v over the first `count` positions, q (heads, headDim), in double precision but for what the kernel rounds on
 * purpose: queries to 7 bits, the weights of each 64 positions to 127 steps. And how far the kernel may be from it: its scores
 * are float32, rounded some four times, so that an exponential is off by the factor e^(+-delta); where a weight is within that of a
 * tie it may be one step off.
 */
export function attend(q: Float32Array, keys: Cache, values: Cache, count: number, heads: number) {
  const { headDim, kvHeads } = keys
  const out = new Float64Array(heads * headDim)
  const bounds = new Float64Array(heads * headDim)
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor((head * kvHeads) / heads)
    const query = q.subarray(head * headDim, (head + 1) * headDim)
    const bytes = rounded(query, 63)
    const scale = largestOf(query) / 63 / Math.sqrt(headDim)
    const scores = Array.from({ length: count }, (_, position) => {
      const dot = bytesAt(keys, kvHead, position).reduce((sum, byte, i) => sum + byte * bytes[i], 0)
      return dot * scaleAt(keys, kvHead, position) * scale
    })
    const top = Math.max(...scores)
    const largest = Math.max(...scores.map(Math.abs))
    const relative = Math.expm1(roundings(12) * largest) + 2 * POW2_ERROR + roundings(count + 16)
    const exponentials = scores.map((score) => (score - top < -87 ? 0 : Math.exp(score - top)))
    const total = exponentials.reduce((sum, e) => sum + e, 0)
    for (let first = 0; first < count; first += TILE) {
      const products = exponentials.slice(first, first + TILE).map((e, i) => e * scaleAt(values, kvHead, first + i))
      const factor = Math.max(...products) / 127
      products.forEach((product, i) => {
        const steps = factor > 0 ? product / factor : 0
        const weight = nearest(steps)
        const tie = Math.abs(steps - Math.floor(steps) - 0.5) <= 3 * relative * steps
        bytesAt(values, kvHead, first + i).forEach((v, element) => {
          const at = head * headDim + element
          out[at] += (factor * weight * v) / total
          bounds[at] += ((4 * relative * weight + (tie ? 1 : 0)) * factor * Math.abs(v)) / total + 1e-37
        })
      })
    }
  }
  return { out, bounds }
}

import { createRandom } from '../generate/random.ts'
import type { ModelConfig } from '../weights/manifest.ts'

// A model computes the same when its residual stream x is Q x throughout, for an orthogonal Q: embedding and all that writes to the stream
// give Q x, and all that reads it undoes Q. RMSNorm commutes with Q once its weights are in the matrices behind it. Values are turned
// within each head, which the output projection undoes, and what down reads is turned by the Hadamard kernel. Weights that were few and
// large spread over all columns, so that what is left looks Gaussian and rounds well (QuaRot, Ashkboos et al. 2024; QuIP#, Tseng et al. 2024).

/** Largest block of down's input that the kernel turns: larger ones gain little, and no intermediate size of a model divides by more. */
const MAX_DOWN_BLOCK = 256
/** Of the signs of the residual stream's rotation: any seed does, but a pack must come out the same each time. */
const SIGN_SEED = 17

/** The vectors along one axis of a matrix that are turned, each of `size` elements. */
export interface Turn {
  readonly size: number
  /** With random signs: for the residual stream, whose vectors have a common direction that a plain Hadamard would leave as it is. */
  readonly signed: boolean
}

/** What makes a tensor of a plain model that of the rotated one. Plain data, which a thread can be sent. */
export interface TensorRotation {
  /** Name of the norm whose weights go into the columns. */
  readonly norm: string | null
  readonly columns: Turn | null
  readonly rows: Turn | null
  /** Of the identity, rather than of weights of the file. */
  readonly identity?: true
}

/** Block of down's input that the rotated model turns with the Hadamard kernel. */
export function downBlock({ intermediateSize }: ModelConfig): number {
  return Math.min(powerOfTwoIn(intermediateSize), MAX_DOWN_BLOCK)
}

/** How the tensor of this name is rotated; undefined: it stays as it is. Norms become ones, which is for the caller to know. */
export function tensorRotation(name: string, config: ModelConfig): TensorRotation | undefined {
  const stream: Turn = { size: config.hiddenSize, signed: true }
  const head: Turn = { size: config.headDim, signed: false }
  const [, layer, part = name] = name.match(/^layers\.(\d+)\.(\w+)$/) ?? []
  switch (part) {
    case 'embedding':
      return { norm: null, columns: stream, rows: null }
    case 'query':
    case 'key':
      return { norm: `layers.${layer}.attentionNorm`, columns: stream, rows: null }
    case 'value':
      return { norm: `layers.${layer}.attentionNorm`, columns: stream, rows: head }
    case 'valueBias':
      return { norm: null, columns: null, rows: head }
    case 'attentionOutput':
      return { norm: null, columns: head, rows: stream }
    case 'gate':
    case 'up':
      return { norm: `layers.${layer}.ffnNorm`, columns: stream, rows: null }
    case 'down':
      return { norm: null, columns: { size: downBlock(config), signed: false }, rows: stream }
    case 'headInput':
      // The embedding E is the head too, where the weights n of the last norm are missing: E diag(n) x = (E Q^T) (Q diag(n) Q^T) (Q x).
      return { norm: 'norm', columns: stream, rows: stream, identity: true }
    case 'head':
      return { norm: 'norm', columns: stream, rows: null }
    default:
      return undefined
  }
}

/** Whether a tensor holds weights of a norm, which the rotated model has in the matrices behind it. */
export function isNorm(name: string): boolean {
  return /(^norm|Norm)$/.test(name)
}

/**
 * weights (rows, cols) <- those of the rotated model, in place. norm (cols): weights of the norm that the rotation names.
 * Where rows are turned, `rows` must be all rows of the tensor.
 */
export function rotateTensor(
  weights: Float32Array,
  rows: number,
  cols: number,
  rotation: TensorRotation,
  norm: Float32Array | null,
): void {
  if (norm !== null) {
    for (let i = 0; i < weights.length; i++) weights[i] *= norm[i % cols]
  }
  if (rotation.columns) turn(weights, rotation.columns, 1)
  if (rotation.rows) turn(weights, rotation.rows, weights.length / rows)
}

/**
 * data seen as (…, size, inner): each vector x along the middle axis becomes (C (x) H) S x, with S random signs or none, H the Hadamard
 * matrix of the largest power of two in size and C the cosine transform (DCT-II) of the odd rest: orthogonal, all entries of one size about.
 */
export function turn(data: Float32Array, { size, signed }: Turn, inner: number): void {
  const even = powerOfTwoIn(size)
  const odd = size / even
  const scale = 1 / Math.sqrt(even)
  const factors = Float64Array.from(signed ? randomSigns(size) : new Float32Array(size).fill(1), (sign) => scale * sign)
  const cosines = cosineTransform(odd)
  const column = new Float64Array(odd)
  const stride = even * inner
  for (let start = 0; start < data.length; start += size * inner) {
    for (let k = 0, i = start; k < size; k++) {
      for (const end = i + inner; i < end; i++) data[i] *= factors[k]
    }
    butterflies(data, { start, end: start + size * inner }, even, inner)
    if (odd === 1) continue
    for (let i = start; i < start + stride; i++) {
      for (let k = 0; k < odd; k++) column[k] = data[i + k * stride]
      for (let row = 0; row < odd; row++) {
        let sum = 0
        for (let k = 0; k < odd; k++) sum += cosines[row * odd + k] * column[k]
        data[i + row * stride] = sum
      }
    }
  }
}

/** data (…, block, inner) from start to end: sums and differences over all bits of the middle axis. */
function butterflies(
  data: Float32Array,
  { start, end }: { start: number; end: number },
  block: number,
  inner: number,
): void {
  for (let half = inner; half < block * inner; half *= 2) {
    for (let first = start; first < end; first += 2 * half) {
      for (let i = first; i < first + half; i++) {
        const a = data[i]
        const b = data[i + half]
        data[i] = a + b
        data[i + half] = a - b
      }
    }
  }
}

function powerOfTwoIn(size: number): number {
  return size & -size
}

function randomSigns(size: number): Float32Array {
  const random = createRandom(SIGN_SEED)
  return Float32Array.from({ length: size }, () => (random() < 0.5 ? -1 : 1))
}

/** (size, size), row-major, orthogonal. */
function cosineTransform(size: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [row, k] = [Math.floor(at / size), at % size]
    return row === 0 ? Math.sqrt(1 / size) : Math.sqrt(2 / size) * Math.cos((Math.PI * (2 * k + 1) * row) / (2 * size))
  })
}

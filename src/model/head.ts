import type { Candidates, Distribution, DistributionQuery, TokenMask } from '../generate/distribution.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { Arena } from './arena.ts'
import type { Kernels, Pointer } from './kernels.ts'
import { type Matrix, multiply, rowStride } from './matrix.ts'

/** A distribution whose candidates are there at once, before another can take its place. */
export interface HeldDistribution extends Distribution {
  largest(count: number): Candidates
}

/** The final norm and the vocabulary matrix: one hidden vector to a next-token distribution, which is valid until the next. */
export class Head {
  readonly #arena: Arena
  readonly #kernels: Kernels
  readonly #config: ModelConfig
  readonly #norm: Pointer
  readonly #matrix: Matrix
  readonly #inputMatrix: Matrix | undefined
  readonly #normed: Pointer
  readonly #input: Pointer
  readonly #tables: Pointer
  readonly #logits: Pointer
  readonly #ids: Pointer
  readonly #values: Pointer

  /** norm (hiddenSize) f32; matrix (vocabSize, hiddenSize); inputMatrix (hiddenSize, hiddenSize): a `headInput`, where the model has it. */
  constructor(
    arena: Arena,
    kernels: Kernels,
    config: ModelConfig,
    norm: Pointer,
    matrix: Matrix,
    inputMatrix?: Matrix,
  ) {
    this.#arena = arena
    this.#kernels = kernels
    this.#config = config
    this.#norm = norm
    this.#matrix = matrix
    this.#inputMatrix = inputMatrix
    const logitBytes = rowStride(config.vocabSize) * 4
    this.#normed = arena.allocate(config.hiddenSize * 4)
    this.#input = arena.allocate(rowStride(config.hiddenSize) * 4)
    this.#tables = arena.allocate(kernels.tableBytes(config.hiddenSize, 1, 32))
    this.#logits = arena.allocate(logitBytes)
    this.#ids = arena.allocate(logitBytes)
    this.#values = arena.allocate(logitBytes)
  }

  /** hidden (hiddenSize) f32 -> distribution over the vocabulary. */
  distribution(hidden: Pointer, query: DistributionQuery): HeldDistribution {
    const { adjustments, allowed, temperature, rawTop, rawId } = query
    const { vocabSize, hiddenSize, rmsNormEps } = this.#config
    const logits = this.#arena.floats(this.#logits, rowStride(vocabSize))
    logits.fill(0)
    this.#kernels.rmsNorm(this.#normed, hidden, this.#norm, hiddenSize, 1, rmsNormEps)
    multiply(this.#kernels, [this.#logits], [this.#matrix], this.#matrixInput(), 1, this.#tables)
    // Rows that only pad the last tile must never win.
    logits.fill(-Infinity, vocabSize)

    // What is asked of the model's own logits is read before they are changed.
    const raw = new Map(adjustments.map(({ id }) => [id, logits[id]]))
    if (rawId !== undefined) raw.set(rawId, logits[rawId])
    const asked = rawTop === undefined ? undefined : { top: this.#top(rawTop), logSumExp: this.#logSumExp(1) }
    for (const { id, scale, add } of adjustments) {
      const logit = logits[id]
      logits[id] = (logit < 0 ? logit * scale : logit / scale) + add
    }
    if (allowed) this.#mask(allowed)
    const held = this
    return {
      vocabSize,
      top: async (count) => this.#top(count),
      largest: (count) => this.#top(count),
      get logSumExp() {
        return held.#logSumExp(temperature)
      },
      rawLogit: (id) => raw.get(id) ?? logits[id],
      rawTop: (count) => firstOf(asked?.top, count),
      rawLogSumExp: asked?.logSumExp ?? Number.NaN,
    }
  }

  /** What the matrix is multiplied with: the hidden vector by the norm, and by a matrix of its own where the model has one. */
  #matrixInput(): Pointer {
    if (this.#inputMatrix === undefined) return this.#normed
    this.#arena.floats(this.#input, rowStride(this.#config.hiddenSize)).fill(0)
    multiply(this.#kernels, [this.#input], [this.#inputMatrix], this.#normed, 1, this.#tables)
    return this.#input
  }

  /** The mask goes where `selectTop` will write its ids later. */
  #mask(allowed: TokenMask): void {
    const size = rowStride(this.#config.vocabSize)
    const bits = this.#arena.ints(this.#ids, size / 32)
    bits.fill(0)
    bits.set(allowed)
    this.#kernels.maskLogits(this.#logits, this.#ids, size)
  }

  #top(count: number): Candidates {
    const { vocabSize } = this.#config
    const k = Math.min(count, vocabSize)
    this.#kernels.selectTop(this.#ids, this.#values, this.#logits, rowStride(vocabSize), k)
    return { ids: this.#arena.ints(this.#ids, k).slice(), logits: this.#arena.floats(this.#values, k).slice() }
  }

  #logSumExp(temperature: number): number {
    const size = rowStride(this.#config.vocabSize)
    const top = this.#kernels.maxLogit(this.#logits, size)
    // No token of these rows may be sampled.
    if (top === -Infinity) return top
    return top / temperature + Math.log(this.#kernels.sumExp(this.#logits, size, top, 1 / temperature))
  }
}

/** What was not asked for beforehand is not known. */
function firstOf(candidates: Candidates | undefined, count: number): Candidates {
  if (!candidates) return { ids: new Int32Array(), logits: new Float32Array() }
  return { ids: candidates.ids.subarray(0, count), logits: candidates.logits.subarray(0, count) }
}

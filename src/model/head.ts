import type { Candidates, Distribution, DistributionQuery, TokenMask } from '../generate/distribution.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { Arena } from './arena.ts'
import type { Kernels, Pointer } from './kernels.ts'
import { type Matrix, multiply, rowStride } from './matrix.ts'

/** A distribution whose candidates are there at once, as long as its logits are. */
export interface HeldDistribution extends Distribution {
  largest(count: number): Candidates
}

/** Bytes of the logits of one column. */
export function logitBytes(vocabSize: number): number {
  return rowStride(vocabSize) * 4
}

/** The final norm and the vocabulary matrix: hidden vectors to logits, and these to next-token distributions. */
export class Head {
  readonly #arena: Arena
  readonly #kernels: Kernels
  readonly #config: ModelConfig
  readonly #norm: Pointer
  readonly #matrices: readonly Matrix[]
  readonly #inputMatrix: Matrix | undefined
  readonly #normed: Pointer
  readonly #input: Pointer
  readonly #tables: Pointer
  readonly #ids: Pointer
  readonly #values: Pointer

  /**
   * norm (hiddenSize) f32; matrices: the bands of one (vocabSize, hiddenSize); inputMatrix (hiddenSize, hiddenSize): a `headInput`, where the model has it.
   * `columns`: most hidden vectors at once.
   */
  constructor(
    arena: Arena,
    kernels: Kernels,
    config: ModelConfig,
    norm: Pointer,
    matrices: readonly Matrix[],
    inputMatrix?: Matrix,
    columns = 1,
  ) {
    this.#arena = arena
    this.#kernels = kernels
    this.#config = config
    this.#norm = norm
    this.#matrices = matrices
    this.#inputMatrix = inputMatrix
    this.#normed = arena.allocate(columns * config.hiddenSize * 4)
    this.#input = arena.allocate(columns * rowStride(config.hiddenSize) * 4)
    this.#tables = arena.allocate(kernels.tableBytes(config.hiddenSize, columns, 32))
    this.#ids = arena.allocate(logitBytes(config.vocabSize))
    this.#values = arena.allocate(logitBytes(config.vocabSize))
  }

  /** out (columns, logitBytes) <- hidden (columns, hiddenSize) f32: the logits of the vocabulary after each. */
  logits(out: Pointer, hidden: Pointer, columns = 1): void {
    const { vocabSize, hiddenSize, rmsNormEps } = this.#config
    const stride = rowStride(vocabSize)
    const logits = this.#arena.floats(out, columns * stride).fill(0)
    this.#kernels.rmsNorm(this.#normed, hidden, this.#norm, hiddenSize, columns, rmsNormEps)
    let row = 0
    const outs = this.#matrices.map(({ rows }) => {
      const at = out + row * 4
      row += rows
      return at
    })
    multiply(this.#kernels, outs, this.#matrices, this.#matrixInput(columns), columns, this.#tables, stride)
    // Rows that only pad the last tile must never win.
    for (let end = stride; end <= logits.length; end += stride) logits.fill(-Infinity, end - stride + vocabSize, end)
  }

  /** The distribution of one column's logits, which are changed by what the query asks. */
  distribution(pointer: Pointer, query: DistributionQuery): HeldDistribution {
    const { adjustments, allowed, temperature, rawTop, rawId } = query
    const { vocabSize } = this.#config
    const logits = this.#arena.floats(pointer, rowStride(vocabSize))

    // What is asked of the model's own logits is read before they are changed.
    const raw = new Map(adjustments.map(({ id }) => [id, logits[id]]))
    if (rawId !== undefined) raw.set(rawId, logits[rawId])
    const asked =
      rawTop === undefined ? undefined : { top: this.#top(pointer, rawTop), logSumExp: this.#logSumExp(pointer, 1) }
    for (const { id, scale, add } of adjustments) {
      const logit = logits[id]
      logits[id] = (logit < 0 ? logit * scale : logit / scale) + add
    }
    if (allowed) this.#mask(pointer, allowed)
    const held = this
    return {
      vocabSize,
      top: async (count) => this.#top(pointer, count),
      largest: (count) => this.#top(pointer, count),
      get logSumExp() {
        return held.#logSumExp(pointer, temperature)
      },
      rawLogit: (id) => raw.get(id) ?? logits[id],
      rawTop: (count) => firstOf(asked?.top, count),
      rawLogSumExp: asked?.logSumExp ?? Number.NaN,
    }
  }

  /** What the matrix is multiplied with: the hidden vectors by the norm, and by a matrix of its own where the model has one. */
  #matrixInput(columns: number): Pointer {
    if (this.#inputMatrix === undefined) return this.#normed
    this.#arena.floats(this.#input, columns * rowStride(this.#config.hiddenSize)).fill(0)
    multiply(this.#kernels, [this.#input], [this.#inputMatrix], this.#normed, columns, this.#tables)
    return this.#input
  }

  /** The mask goes where `selectTop` will write its ids later. */
  #mask(logits: Pointer, allowed: TokenMask): void {
    const size = rowStride(this.#config.vocabSize)
    const bits = this.#arena.ints(this.#ids, size / 32)
    bits.fill(0)
    bits.set(allowed)
    this.#kernels.maskLogits(logits, this.#ids, size)
  }

  #top(logits: Pointer, count: number): Candidates {
    const { vocabSize } = this.#config
    const k = Math.min(count, vocabSize)
    this.#kernels.selectTop(this.#ids, this.#values, logits, rowStride(vocabSize), k)
    return { ids: this.#arena.ints(this.#ids, k).slice(), logits: this.#arena.floats(this.#values, k).slice() }
  }

  #logSumExp(logits: Pointer, temperature: number): number {
    const size = rowStride(this.#config.vocabSize)
    const top = this.#kernels.maxLogit(logits, size)
    // No token of these rows may be sampled.
    if (top === -Infinity) return top
    return top / temperature + Math.log(this.#kernels.sumExp(logits, size, top, 1 / temperature))
  }
}

/** What was not asked for beforehand is not known. */
function firstOf(candidates: Candidates | undefined, count: number): Candidates {
  if (!candidates) return { ids: new Int32Array(), logits: new Float32Array() }
  return { ids: candidates.ids.subarray(0, count), logits: candidates.logits.subarray(0, count) }
}

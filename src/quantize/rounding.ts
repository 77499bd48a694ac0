import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import { packPlanes } from '../pack/planes/layout.ts'
import { bandMatrix, placeOf, type VocabularyMatrix } from '../weights/bands.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { CalibrationFolder } from './calibration-folder.ts'
import { crossMoments, propagateErrors } from './error-propagation.ts'
import type { ExactLayer } from './exact-layer.ts'
import { factorize } from './factorize.ts'
import { type LayerMatrix, widestInput } from './float-layer.ts'
import type { FloatPool } from './float-pool.ts'
import { isMatrix, type PlannedMatrix, type PlannedWeights } from './planned-weights.ts'
import {
  allocateMoments,
  type Moments,
  momentsBytes,
  quantizeMatrix,
  resultBytes,
  unitMoments,
  unrelatedColumns,
} from './quantize-matrix.ts'
import { secondMoments } from './second-moments.ts'

/** Rows of the embedding and of the head that are in memory at a time. */
const VOCABULARY_ROWS = 8192

/** What is rounded, and for which inputs. */
export interface Roundable {
  /** Of the rotated model. */
  readonly config: ModelConfig
  /** Token ids of the calibration text. */
  readonly sequences: readonly (readonly number[])[]
  /** Of the rotated model. */
  readonly weights: PlannedWeights
  /** Where results are kept as they come, to go on from there after an interruption. */
  readonly folder: CalibrationFolder
}

/** Bytes of the pool that Rounding takes. */
export function roundingBytes({ config, weights }: Roundable): number {
  const { hiddenSize, intermediateSize, headCount, kvHeadCount, headDim } = config
  const sizes = [...weights.planned.values()].filter(isMatrix).map(({ entry }) => {
    const [rows, cols] = entry.shape
    return cols * (bandMatrix(entry.name) ? Math.min(rows, VOCABULARY_ROWS) : rows)
  })
  const largest = Math.max(...sizes)
  // Query, key and value are there at once, so are gate and up. Each allocation is rounded up.
  const together = hiddenSize * Math.max(2 * intermediateSize, (headCount + 2 * kvHeadCount) * headDim)
  const matrices = align(Math.max(largest, together) * 4) + 2 * align(1)
  // Beside one of them stands how far its weights move, and then what it is rounded to, which is less.
  const moves = align(largest * 4)
  return momentsBytes(widestInput(config)) + align(crossColumns(config) ** 2 * 4) + matrices + moves
}

/** Columns of the widest matrix whose exact inputs are known. */
const crossColumns = ({ hiddenSize, headCount, headDim }: ModelConfig) => Math.max(hiddenSize, headCount * headDim)

/** Rounds matrices for what they are multiplied with, and keeps the results. */
export class Rounding {
  readonly #pool: FloatPool
  readonly #calibration: Roundable
  readonly #tokens: number
  readonly #moments: Moments
  readonly #cross: Pointer

  constructor(pool: FloatPool, calibration: Roundable, tokens: number) {
    this.#pool = pool
    this.#calibration = calibration
    this.#tokens = tokens
    this.#moments = allocateMoments(pool, widestInput(calibration.config))
    this.#cross = pool.allocate(crossColumns(calibration.config) ** 2 * 4)
  }

  /**
   * Matrices of a layer, all multiplied with x (tokens, columns) f32, rounded: where each is, by its name. What they are multiplied with in the
   * exact layer is overwritten.
   */
  async round(
    layer: number,
    parts: readonly LayerMatrix[],
    x: Pointer,
    { weights, inputs }: ExactLayer,
  ): Promise<Record<string, Pointer>> {
    const pool = this.#pool
    const matrices = parts.map((part) => this.#calibration.weights.matrix(`layers.${layer}.${part}`))
    const size = matrices[0].entry.shape[1]
    await this.#factorize(x, size)
    const cross = await this.#crossMoments(x, inputs[parts[0]], size)
    const mark = pool.mark()
    const pointers = matrices.map(({ entry: { shape } }) => pool.allocate(shape[0] * shape[1] * 4))
    for (const [i, matrix] of matrices.entries()) {
      const packed = await this.#roundRows(matrix, pointers[i], weights[parts[i]]!, { width: size, cross })
      await this.#calibration.folder.write(matrix.entry.name, [packed])
    }
    // The weights stay until the next call, whose inputs they make.
    pool.release(mark)
    return Object.fromEntries(parts.map((part, i) => [part, pointers[i]]))
  }

  /**
   * hidden (tokens, hiddenSize) <- rows of the rounded embedding. A row is looked up, not multiplied: all its errors count the same. One that is
   * the head is rounded as that, in the end, and exact until then.
   */
  async embed(hidden: Float32Array): Promise<void> {
    const { config, sequences, weights } = this.#calibration
    const cols = config.hiddenSize
    const tokens = sequences.flat()
    if (weights.head === 'embedding') {
      const bands = weights.bands('embedding')
      const rows = bands.map(({ entry }) => ({ rows: entry.shape[0] }))
      for (const [i, id] of tokens.entries()) {
        const { index, row } = placeOf(rows, id)
        hidden.set(await weights.rows(bands[index].entry.name, row, 1), i * cols)
      }
      return
    }
    const width = unrelatedColumns(cols)
    unitMoments(this.#pool, this.#moments, width)
    const look = (first: number, rows: Float32Array) => {
      const end = first + rows.length / cols
      for (const [i, id] of tokens.entries()) {
        if (id >= first && id < end) hidden.set(rows.subarray((id - first) * cols, (id - first + 1) * cols), i * cols)
      }
    }
    await this.#roundVocabulary('embedding', width, { rounded: look })
  }

  /** The head, for x (tokens, hiddenSize) f32 and what it is in the exact model, which is overwritten. */
  async roundHead(x: Pointer, exact: Pointer): Promise<void> {
    const { config, weights } = this.#calibration
    const size = config.hiddenSize
    await this.#factorize(x, size)
    await this.#roundVocabulary(weights.head, size, { cross: await this.#crossMoments(x, exact, size) })
  }

  /** width: columns of the moments. */
  async #roundVocabulary(
    matrix: VocabularyMatrix,
    width: number,
    { cross, rounded }: { cross?: Pointer; rounded?: (firstRow: number, rows: Float32Array) => void },
  ): Promise<void> {
    for (const band of this.#calibration.weights.bands(matrix)) {
      const [rows, cols] = band.entry.shape
      const mark = this.#pool.mark()
      const w = this.#pool.allocate(Math.min(rows, VOCABULARY_ROWS) * cols * 4)
      const parts: Uint8Array[] = []
      for (let first = 0; first < rows; first += VOCABULARY_ROWS) {
        const count = Math.min(VOCABULARY_ROWS, rows - first)
        const values = await this.#calibration.weights.rows(band.entry.name, first, count)
        parts.push(await this.#roundRows(band, w, values, { width, cross }))
        rounded?.((band.firstRow ?? 0) + first, this.#pool.floats(w, count * cols))
      }
      this.#pool.release(mark)
      await this.#calibration.folder.write(band.entry.name, parts)
    }
  }

  async #factorize(x: Pointer, size: number): Promise<void> {
    await secondMoments(this.#pool, this.#moments.h, x, { count: this.#tokens, size })
    await factorize(this.#pool, this.#moments, size)
  }

  /** Those of x and exact, where that is known, and the text long enough to tell errors from noise. */
  async #crossMoments(x: Pointer, exact: Pointer | undefined, size: number): Promise<Pointer | undefined> {
    if (exact === undefined || this.#tokens <= size) return undefined
    await crossMoments(this.#pool, this.#cross, { x, exact, count: this.#tokens, size })
    return this.#cross
  }

  /** w <- values, rounded. width: columns of the moments, all or such as have nothing to do with the others. */
  async #roundRows(
    { entry }: PlannedMatrix,
    w: Pointer,
    values: Float32Array,
    { width, cross }: { width: number; cross: Pointer | undefined },
  ): Promise<Uint8Array> {
    const pool = this.#pool
    const cols = entry.shape[1]
    const rows = values.length / cols
    pool.floats(w, values.length).set(values)
    if (cross !== undefined) await propagateErrors(pool, w, cross, this.#moments, { rows, cols })
    const mark = pool.mark()
    const results = pool.allocate(resultBytes(values.length, entry))
    const matrix = await quantizeMatrix(pool, w, this.#moments, results, { ...entry, rows, cols, width })
    pool.release(mark)
    return packPlanes(matrix)
  }
}

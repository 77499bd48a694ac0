import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import { packPlanes } from '../pack/planes/layout.ts'
import { bandMatrix, placeOf, type VocabularyMatrix } from '../weights/bands.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { CalibrationFolder } from './calibration-folder.ts'
import { factorize } from './factorize.ts'
import { countsOf, FloatLayers, floatLayersBytes, spansOf } from './float-layer.ts'
import { FloatPool } from './float-pool.ts'
import { isMatrix, type PlannedMatrix, type PlannedWeights } from './planned-weights.ts'
import {
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
/** Columns of the smallest group, which makes the most scales. */
const SMALLEST_GROUP = 32

export interface Calibration {
  /** Of the rotated model. */
  readonly config: ModelConfig
  /** Token ids of the calibration text. */
  readonly sequences: readonly (readonly number[])[]
  /** Of the rotated model. */
  readonly weights: PlannedWeights
  /** Where results are kept as they come, to go on from there after an interruption. */
  readonly folder: CalibrationFolder
  readonly progress?: (done: number, total: number) => void
}

/**
 * Round all matrices, layer by layer, each with error feedback for the inputs that what was rounded before it gives; the folder then has
 * their bytes. Throws PackError.
 */
export async function calibrate(calibration: Calibration): Promise<void> {
  const { config, folder, sequences, weights, progress } = calibration
  if (await folder.has(weights.bands(weights.head).at(-1)!.entry.name)) return
  const spans = spansOf(sequences)
  const work = workBytes(calibration)
  const pool = await FloatPool.create(floatLayersBytes(config, countsOf(spans)) + work, widestInput(config))
  try {
    const layers = new FloatLayers(pool, config, spans)
    const rounding = new Rounding(pool, calibration, countsOf(spans).tokens)
    const total = config.layerCount + 1
    const { done } = (await folder.rounding.read(layers.hidden)) ?? { done: 0 }
    if (done === 0) await rounding.embed(layers.hidden)
    progress?.(done, total)
    for (let layer = done; layer < config.layerCount; layer++) {
      const biases = await weights.biases(layer)
      await layers.forward(
        (names, x) =>
          rounding.round(
            names.map((name) => `layers.${layer}.${name}`),
            x,
          ),
        biases,
      )
      await folder.rounding.write(layer + 1, layers.hidden)
      progress?.(layer + 1, total)
    }
    await rounding.roundHead(await layers.headInputs(await weights.headInput()))
    progress?.(total, total)
  } finally {
    await pool.close()
  }
}

/** Columns of the widest matrix. */
export function widestInput({ hiddenSize, intermediateSize, headCount, headDim }: ModelConfig): number {
  return Math.max(hiddenSize, intermediateSize, headCount * headDim)
}

function workBytes({ config, weights }: Calibration): number {
  const { hiddenSize, intermediateSize } = config
  const sizes = [...weights.planned.values()].filter(isMatrix).map(({ entry }) => {
    const [rows, cols] = entry.shape
    return cols * (bandMatrix(entry.name) ? Math.min(rows, VOCABULARY_ROWS) : rows)
  })
  // gate and up are there at once, and nothing larger with another.
  const largest = Math.max(...sizes, 2 * intermediateSize * hiddenSize)
  const results = resultBytes(largest, { groupSize: SMALLEST_GROUP })
  return momentsBytes(widestInput(config)) + 2 * align(largest * 4) + align(results)
}

/** Rounds matrices for what they are multiplied with, and keeps the results. */
class Rounding {
  readonly #pool: FloatPool
  readonly #calibration: Calibration
  readonly #tokens: number
  readonly #moments: Moments

  constructor(pool: FloatPool, calibration: Calibration, tokens: number) {
    this.#pool = pool
    this.#calibration = calibration
    this.#tokens = tokens
    const matrix = () => pool.allocate(widestInput(calibration.config) ** 2 * 4)
    this.#moments = { h: matrix(), u: matrix(), d: pool.allocate(widestInput(calibration.config) * 4) }
  }

  /** The matrices of these names, all multiplied with x (tokens, columns) f32, rounded: where each is, by the last part of its name. */
  async round(names: readonly string[], x: Pointer): Promise<Record<string, Pointer>> {
    const { weights, folder } = this.#calibration
    const pool = this.#pool
    const matrices = names.map((name) => weights.matrix(name))
    await this.#factorize(x, matrices[0].entry.shape[1])
    const mark = pool.mark()
    const pointers: Record<string, Pointer> = {}
    for (const { entry } of matrices) {
      const part = entry.name.split('.')[2]
      pointers[part] = pool.allocate(entry.shape[0] * entry.shape[1] * 4)
    }
    for (const matrix of matrices) {
      const { name, shape } = matrix.entry
      const whole = { first: 0, count: shape[0], width: shape[1] }
      const packed = await this.#roundRows(matrix, pointers[name.split('.')[2]], whole)
      await folder.write(name, [packed])
    }
    // The weights stay until the next call, whose inputs they make.
    pool.release(mark)
    return pointers
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
    await this.#roundVocabulary('embedding', width, (first, rows) => {
      const end = first + rows.length / cols
      for (const [i, id] of tokens.entries()) {
        if (id >= first && id < end) hidden.set(rows.subarray((id - first) * cols, (id - first + 1) * cols), i * cols)
      }
    })
  }

  /** The head, for x (tokens, hiddenSize) f32. */
  async roundHead(x: Pointer): Promise<void> {
    const { config, weights } = this.#calibration
    await this.#factorize(x, config.hiddenSize)
    await this.#roundVocabulary(weights.head, config.hiddenSize)
  }

  /** width: columns of the moments. */
  async #roundVocabulary(
    matrix: VocabularyMatrix,
    width: number,
    rounded?: (firstRow: number, rows: Float32Array) => void,
  ): Promise<void> {
    for (const band of this.#calibration.weights.bands(matrix)) {
      const [rows, cols] = band.entry.shape
      const mark = this.#pool.mark()
      const w = this.#pool.allocate(Math.min(rows, VOCABULARY_ROWS) * cols * 4)
      const parts: Uint8Array[] = []
      for (let first = 0; first < rows; first += VOCABULARY_ROWS) {
        const count = Math.min(VOCABULARY_ROWS, rows - first)
        parts.push(await this.#roundRows(band, w, { first, count, width }))
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

  /** width: columns of the moments, all or such as have nothing to do with the others. */
  async #roundRows(
    { entry }: PlannedMatrix,
    w: Pointer,
    { first, count, width }: { first: number; count: number; width: number },
  ): Promise<Uint8Array> {
    const pool = this.#pool
    const cols = entry.shape[1]
    pool.floats(w, count * cols).set(await this.#calibration.weights.rows(entry.name, first, count))
    const mark = pool.mark()
    const results = pool.allocate(resultBytes(count * cols, entry))
    const shape = { ...entry, rows: count, cols, width }
    const matrix = await quantizeMatrix(pool, w, this.#moments, results, shape)
    pool.release(mark)
    return packPlanes(matrix)
  }
}

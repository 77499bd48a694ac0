import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import type { VocabularyMatrix } from '../weights/bands.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { Setting } from './allocate.ts'
import { factorize } from './factorize.ts'
import { widestInput } from './float-layer.ts'
import type { FloatPool } from './float-pool.ts'
import type { PlannedWeights } from './planned-weights.ts'
import {
  allocateMoments,
  type Moments,
  momentsBytes,
  quantizeMatrix,
  resultBytes,
  roundingJobs,
  unitMoments,
} from './quantize-matrix.ts'
import { secondMoments } from './second-moments.ts'
import { MOST_SETTINGS, settingsOf } from './settings.ts'

/** Rows of the vocabulary that are in memory at a time. */
export const VOCABULARY_ROWS = 2048
/** Rows that stand for all of a matrix where settings are compared. */
const SAMPLE_ROWS = 256

/** Bytes of the pool that SettingErrors takes for a model. */
export function settingErrorsBytes(config: ModelConfig): number {
  const widest = widestInput(config)
  const results = resultBytes(Math.max(config.intermediateSize, VOCABULARY_ROWS) * widest, { groupSize: 32 })
  const sample = SAMPLE_ROWS * widest
  const samples = align(sample * 4) + align(resultBytes(sample, { groupSize: 32 }))
  return momentsBytes(widest) + Math.max(MOST_SETTINGS * samples, align(results))
}

/** Errors of the settings of a matrix on its sample, and of the probed one on the whole. */
interface Errors {
  readonly settings: readonly Setting[]
  readonly sampled: number[]
  probed: number
}

/** The squared errors that each setting of each matrix leaves at its outputs, for the inputs that are set. */
export class SettingErrors {
  readonly #pool: FloatPool
  readonly #weights: PlannedWeights
  readonly #moments: Moments
  /** By the name of the matrix. */
  readonly #errors = new Map<string, Errors>()

  constructor(pool: FloatPool, config: ModelConfig, weights: PlannedWeights) {
    this.#pool = pool
    this.#weights = weights
    this.#moments = allocateMoments(pool, widestInput(config))
  }

  /** What comes next is multiplied with x (count, size) f32. */
  async setInputs(x: Pointer, { count, size }: { count: number; size: number }): Promise<void> {
    await secondMoments(this.#pool, this.#moments.h, x, { count, size })
    await factorize(this.#pool, this.#moments, size)
  }

  /** What comes next, of (size) columns, is looked up, not multiplied: all its errors count the same. */
  setNoInputs(size: number): void {
    unitMoments(this.#pool, this.#moments, size)
  }

  /** w, `rows` rows of a matrix, <- w at the probed setting. */
  async probe(name: string, w: Pointer, rows: number): Promise<void> {
    const errors = this.#of(name)
    errors.probed += await this.#round(w, rows, this.#shape(name)[1], errors.settings[0])
  }

  /** Compare the settings of a matrix on some of its rows. */
  async sample(name: string, rowOf: (row: number) => Float32Array | Promise<Float32Array>): Promise<void> {
    const [rows, cols] = this.#shape(name)
    const { settings, sampled } = this.#of(name)
    const count = Math.min(rows, SAMPLE_ROWS)
    const sample = new Float32Array(count * cols)
    for (let i = 0; i < count; i++) sample.set(await rowOf(Math.floor((i * rows) / count)), i * cols)
    const mark = this.#pool.mark()
    // All settings at once: one alone, of a few rows, would keep few threads busy.
    const jobs = settings.map((setting) => {
      const w = this.#pool.put(sample)
      const results = this.#pool.allocate(resultBytes(sample.length, setting))
      return roundingJobs(w, this.#moments, results, { ...setting, rows: count, cols })
    })
    const errors = await this.#pool.run(jobs.flat())
    let at = 0
    for (const { length } of jobs) {
      sampled.push(errors.slice(at, at + length).reduce((sum: number, error) => sum + error!, 0))
      at += length
    }
    this.#pool.release(mark)
  }

  /**
   * Compare the settings of a vocabulary matrix, anew where it is tied and comes a second time, as the head. exact and rounded
   * (VOCABULARY_ROWS, cols) f32 <- some rows at a time, the latter as at the probed setting.
   */
  async vocabulary(
    matrix: VocabularyMatrix,
    exact: Pointer,
    rounded: Pointer,
    use: (first: number, count: number) => Promise<void>,
  ): Promise<void> {
    for (const { entry, firstRow = 0 } of this.#weights.bands(matrix)) {
      const { name, shape } = entry
      this.#errors.delete(name)
      for (let first = 0; first < shape[0]; first += VOCABULARY_ROWS) {
        const count = Math.min(VOCABULARY_ROWS, shape[0] - first)
        const values = await this.#weights.rows(name, first, count)
        this.#pool.floats(exact, values.length).set(values)
        this.#pool.floats(rounded, values.length).set(values)
        await this.probe(name, rounded, count)
        await use(firstRow + first, count)
      }
      await this.sample(name, (row) => this.#weights.rows(name, row, 1))
    }
  }

  /**
   * The settings of matrices with what each loses: their shares, by their errors, of the divergence of a model that has them all as probed.
   * weights: what an error in each of them counts; absent: the same.
   */
  losses(
    names: readonly string[],
    divergence: number,
    weights?: readonly number[],
  ): (readonly [name: string, settings: Setting[]])[] {
    const errors = names.map((name, i) => this.#of(name).probed * (weights?.[i] ?? 1))
    const all = errors.reduce((sum, error) => sum + error, 0)
    return names.map((name, i) => {
      const { settings, sampled } = this.#of(name)
      // Zeros have no error, such as pad a vocabulary or a layer that was added to do nothing. Where only the sample has none, a further plane
      // leaves a quarter.
      const left = sampled[0] > 0 ? sampled : settings.map(({ planes }) => 4 ** -planes)
      const worth = all > 0 ? (divergence * errors[i]) / all / left[0] : 0
      return [name, settings.map((setting, i) => ({ ...setting, loss: worth * left[i] }))]
    })
  }

  /** All errors so far, as JSON that `restore` takes. */
  gathered(): unknown {
    return [...this.#errors]
  }

  restore(gathered: unknown): void {
    for (const [name, errors] of gathered as [string, Errors][]) this.#errors.set(name, errors)
  }

  #shape(name: string): readonly [rows: number, cols: number] {
    return this.#weights.matrix(name).entry.shape
  }

  #of(name: string): Errors {
    const known = this.#errors.get(name)
    if (known) return known
    const errors = { settings: settingsOf(this.#weights.matrix(name).entry), sampled: [], probed: 0 }
    this.#errors.set(name, errors)
    return errors
  }

  /** w (rows, cols) <- w at a setting; the error that this leaves. */
  async #round(w: Pointer, rows: number, cols: number, setting: Setting): Promise<number> {
    const mark = this.#pool.mark()
    const results = this.#pool.allocate(resultBytes(rows * cols, setting))
    const { error } = await quantizeMatrix(this.#pool, w, this.#moments, results, { ...setting, rows, cols })
    this.#pool.release(mark)
    return error
  }
}

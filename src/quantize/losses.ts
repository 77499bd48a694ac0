import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import type { ModelConfig, PlanesTensor } from '../weights/manifest.ts'
import { planesBytes } from '../weights/plane-layout.ts'
import type { Setting } from './allocate.ts'
import { widestInput } from './calibrate.ts'
import { Divergences } from './divergences.ts'
import { factorize } from './factorize.ts'
import { countsOf, FloatLayers, floatLayersBytes, type LayerMatrix, type SequenceSpan, spansOf } from './float-layer.ts'
import { multiplyBy } from './float-matrix.ts'
import { FloatPool } from './float-pool.ts'
import type { PlannedWeights } from './planned-weights.ts'
import { type Moments, momentsBytes, quantizeMatrix, resultBytes, unitMoments } from './quantize-matrix.ts'
import { secondMoments } from './second-moments.ts'

// What each matrix of a model loses at each number of planes. A setting's squared error at the outputs of a matrix is easily had, but what it
// does to the answers is not the same for all. So the matrices of a kind in a layer are rounded at one setting, alone, and the divergence
// that comes out at the end of the model says what an error there is worth. All these models differ from the exact one by one kind of one
// layer: they go through the layers beside it, each from its own layer on, as further sequences of the same batch.

/** Tokens of the text that second moments are of, about. */
const MOMENT_TOKENS = 2048
/** Sequences that divergences are measured on, their tokens, and the first of these that counts. */
const PROBES = 3
const PROBE_TOKENS = 32
const FIRST_COUNTED = 8
/** Rows that stand for all of a matrix where settings are compared. */
const SAMPLE_ROWS = 256
/** Rows of the vocabulary that are in memory at a time. */
const VOCABULARY_ROWS = 2048
/** The setting whose divergence is measured. */
const PROBED_PLANES = 3
const PLANES = [2, 3, 4, 5, 6]
/** With these a group may be half as large: more scales never pay for more. */
const FINER_PLANES = [2, 3, 4]
const GROUPS = [128, 64, 32] as const

/** Matrices of a layer whose errors do the same kind of harm. */
const KINDS = [
  ['query', 'key'],
  ['value'],
  ['attentionOutput'],
  ['gate', 'up'],
  ['down'],
] as const satisfies LayerMatrix[][]

/** The settings of each matrix, by its name. */
export type Losses = ReadonlyMap<string, readonly Setting[]>

export interface LossMeasurement {
  /** Of the rotated model. */
  readonly config: ModelConfig
  readonly sequences: readonly (readonly number[])[]
  readonly weights: PlannedWeights
  readonly progress?: (done: number, total: number) => void
}

/** The settings of each matrix by its name, with the mean KL that the model loses by it. Throws PackError. */
export async function measureLosses(measurement: LossMeasurement): Promise<Losses> {
  const { config } = measurement
  const texts = spread(measurement.sequences, MOMENT_TOKENS)
  const probes = texts.slice(0, PROBES).map((ids) => ids.slice(0, PROBE_TOKENS))
  // The exact model and one with a rounded embedding, then the kinds of each layer.
  const models = 2 + config.layerCount * KINDS.length
  const spans = spansOf([...texts, ...Array.from({ length: models }, () => probes).flat()])
  const chosen = texts.flat().length
  const pool = await FloatPool.create(
    floatLayersBytes(config, { ...countsOf(spans), chosen }) + workBytes(config, models),
    widestInput(config),
  )
  try {
    return await new Losing(pool, measurement, texts, probes, spans).measure()
  } finally {
    await pool.close()
  }
}

/** Every n-th sequence, so that they have about so many tokens. */
function spread(sequences: readonly (readonly number[])[], tokens: number): (readonly number[])[] {
  const step = Math.max(1, Math.floor(sequences.flat().length / tokens))
  return sequences.filter((_, i) => i % step === 0)
}

const counted = (length: number) => Math.max(0, Math.ceil((length - FIRST_COUNTED) / 2))

function workBytes(config: ModelConfig, models: number): number {
  const { hiddenSize, intermediateSize, headCount, kvHeadCount, headDim } = config
  const widest = widestInput(config)
  const attention = 2 * (headCount + kvHeadCount) * headDim * hiddenSize
  const layer = attention + 3 * intermediateSize * hiddenSize
  const results = resultBytes(Math.max(intermediateSize, VOCABULARY_ROWS) * widest, { groupSize: 32 })
  const counting = PROBES * counted(PROBE_TOKENS) * models
  const vocabulary = 2 * VOCABULARY_ROWS * hiddenSize + counting * (hiddenSize + 2 * VOCABULARY_ROWS)
  const work = 2 * layer + SAMPLE_ROWS * widest + vocabulary
  // Each allocation is rounded up.
  return momentsBytes(widest) + align(work * 4) + results + 64 * align(1)
}

/** The settings that a matrix may have, the first the one that is probed. */
function settingsOf({ shape: [rows, cols] }: PlanesTensor): Setting[] {
  const groups = GROUPS.filter((size) => cols % size === 0)
  const of = (planes: number, groupSize: (typeof GROUPS)[number]): Setting => {
    return { planes, groupSize, bytes: planesBytes(rows, cols, { planes, groupSize, hasMin: false }), loss: 0 }
  }
  const finer = groups.length > 1 ? FINER_PLANES.map((planes) => of(planes, groups[1])) : []
  const others = PLANES.filter((planes) => planes !== PROBED_PLANES).map((planes) => of(planes, groups[0]))
  return [of(PROBED_PLANES, groups[0]), ...others, ...finer]
}

class Losing {
  readonly #pool: FloatPool
  readonly #measurement: LossMeasurement
  readonly #texts: readonly (readonly number[])[]
  readonly #probes: readonly (readonly number[])[]
  readonly #spans: readonly SequenceSpan[]
  readonly #layers: FloatLayers
  readonly #moments: Moments
  readonly #textTokens: number
  /** Errors of the settings of a matrix on its sample, and of the probed one on the whole. */
  readonly #errors = new Map<string, { settings: Setting[]; sampled: number[]; probed: number }>()

  constructor(
    pool: FloatPool,
    measurement: LossMeasurement,
    texts: readonly (readonly number[])[],
    probes: readonly (readonly number[])[],
    spans: readonly SequenceSpan[],
  ) {
    this.#pool = pool
    this.#measurement = measurement
    this.#texts = texts
    this.#probes = probes
    this.#spans = spans
    this.#textTokens = texts.flat().length
    this.#layers = new FloatLayers(pool, measurement.config, spans, this.#textTokens)
    const widest = widestInput(measurement.config)
    const matrix = () => pool.allocate(widest * widest * 4)
    this.#moments = { h: matrix(), u: matrix(), d: pool.allocate(widest * 4) }
  }

  async measure(): Promise<Losses> {
    const { config, weights, progress } = this.#measurement
    const total = config.layerCount + 2
    await this.#embed()
    progress?.(1, total)
    for (let layer = 0; layer < config.layerCount; layer++) {
      await this.#layer(layer)
      progress?.(layer + 2, total)
    }
    const divergences = await this.#head()
    progress?.(total, total)
    const losses = new Map<string, Setting[]>()
    const share = (names: readonly string[], divergence: number) => {
      const all = names.reduce((sum, name) => sum + this.#errors.get(name)!.probed, 0)
      for (const name of names) {
        const { settings, sampled, probed } = this.#errors.get(name)!
        const worth = (divergence * probed) / all / sampled[0]
        losses.set(
          name,
          settings.map((setting, i) => ({ ...setting, loss: worth * sampled[i] })),
        )
      }
    }
    const tied = weights.head.entry.name === 'embedding'
    // A tied one is both, with the errors of the head.
    if (!tied) share(['embedding'], divergences.models[0])
    for (let layer = 0; layer < config.layerCount; layer++) {
      KINDS.forEach((names, kind) => {
        const divergence = divergences.models[1 + layer * KINDS.length + kind]
        share(
          names.map((name) => `layers.${layer}.${name}`),
          divergence,
        )
      })
    }
    share([weights.head.entry.name], divergences.head + (tied ? divergences.models[0] : 0))
    return losses
  }

  /** The sequences of models `from` up to `to`. */
  #ofModels(from: number, to: number): readonly SequenceSpan[] {
    const first = this.#texts.length + from * this.#probes.length
    return this.#spans.slice(first, first + (to - from) * this.#probes.length)
  }

  /** Choose the sequences of all models below `end`, as many at a time as there is room for. */
  async #eachModels(end: number, work: (from: number) => Promise<void>): Promise<void> {
    const atOnce = Math.max(1, Math.floor(this.#textTokens / this.#probes.flat().length))
    for (let from = 0; from < end; from += atOnce) {
      this.#layers.choose(this.#ofModels(from, Math.min(end, from + atOnce)))
      await work(from)
    }
  }

  async #embed(): Promise<void> {
    const { config, weights } = this.#measurement
    const cols = config.hiddenSize
    unitMoments(this.#pool, this.#moments, cols)
    const mark = this.#pool.mark()
    const [rounded, exact] = [0, 1].map(() => this.#pool.allocate(VOCABULARY_ROWS * cols * 4))
    await this.#eachVocabularyChunk('embedding', exact, rounded, async (first, count) => {
      const copy = (spans: readonly SequenceSpan[], ids: readonly number[], from: Pointer) => {
        this.#layers.choose(spans)
        const { hidden } = this.#layers
        for (const [i, id] of ids.entries()) {
          if (id < first || id >= first + count) continue
          hidden.set(this.#pool.floats(from + (id - first) * cols * 4, cols), i * cols)
        }
      }
      copy(this.#spans.slice(0, this.#texts.length), this.#texts.flat(), exact)
      copy(this.#ofModels(0, 1), this.#probes.flat(), exact)
      copy(this.#ofModels(1, 2), this.#probes.flat(), rounded)
    })
    await this.#sample('embedding', (row) => weights.rows('embedding', row, 1))
    this.#pool.release(mark)
  }

  /** exact and rounded (VOCABULARY_ROWS, cols) <- some rows of a matrix at a time, the latter as at the probed setting. */
  async #eachVocabularyChunk(
    name: string,
    exact: Pointer,
    rounded: Pointer,
    use: (first: number, count: number) => Promise<void>,
  ): Promise<void> {
    const { entry } = this.#measurement.weights.matrix(name)
    const [rows, cols] = entry.shape
    let probed = 0
    for (let first = 0; first < rows; first += VOCABULARY_ROWS) {
      const count = Math.min(VOCABULARY_ROWS, rows - first)
      const values = await this.#measurement.weights.rows(name, first, count)
      this.#pool.floats(exact, values.length).set(values)
      this.#pool.floats(rounded, values.length).set(values)
      probed += await this.#round(rounded, count, cols, settingsOf(entry)[0])
      await use(first, count)
    }
    this.#errors.set(name, { settings: settingsOf(entry), sampled: [], probed })
  }

  /** w (rows, cols) <- w at a setting; the error that this leaves. */
  async #round(w: Pointer, rows: number, cols: number, setting: Setting): Promise<number> {
    const mark = this.#pool.mark()
    const results = this.#pool.allocate(resultBytes(rows * cols, setting))
    const { error } = await quantizeMatrix(this.#pool, w, this.#moments, results, { ...setting, rows, cols })
    this.#pool.release(mark)
    return error
  }

  /** Compare the settings of a matrix on some of its rows. */
  async #sample(name: string, rowOf: (row: number) => Float32Array | Promise<Float32Array>): Promise<void> {
    const [rows, cols] = this.#measurement.weights.matrix(name).entry.shape
    const { settings, sampled } = this.#errors.get(name)!
    const count = Math.min(rows, SAMPLE_ROWS)
    const sample = new Float32Array(count * cols)
    for (let i = 0; i < count; i++) sample.set(await rowOf(Math.floor((i * rows) / count)), i * cols)
    const mark = this.#pool.mark()
    const w = this.#pool.allocate(sample.byteLength)
    for (const setting of settings) {
      this.#pool.floats(w, sample.length).set(sample)
      sampled.push(await this.#round(w, count, cols, setting))
    }
    this.#pool.release(mark)
  }

  async #layer(layer: number): Promise<void> {
    const { weights } = this.#measurement
    const layers = this.#layers
    const pool = this.#pool
    const start = pool.mark()
    const models = 2 + layer * KINDS.length
    const biases = await weights.biases(layer)
    layers.choose(this.#ofModels(0, 1))
    const before = layers.hidden.slice()
    const [exact, rounded]: Record<string, Pointer>[] = [{}, {}]
    layers.choose(this.#spans.slice(0, this.#texts.length))
    await layers.forward(async (parts, x) => {
      const names = parts.map((part) => `layers.${layer}.${part}`)
      const cols = weights.matrix(names[0]).entry.shape[1]
      await secondMoments(pool, this.#moments.h, x, { count: this.#textTokens, size: cols })
      await factorize(pool, this.#moments, cols)
      for (const part of parts) {
        const name = `layers.${layer}.${part}`
        const values = await weights.rows(name)
        for (const to of [exact, rounded]) {
          to[part] = pool.allocate(values.byteLength)
          pool.floats(to[part], values.length).set(values)
        }
        const settings = settingsOf(weights.matrix(name).entry)
        const probed = await this.#round(rounded[part], values.length / cols, cols, settings[0])
        this.#errors.set(name, { settings, sampled: [], probed })
        await this.#sample(name, (row) => values.subarray(row * cols, (row + 1) * cols))
      }
      return exact
    }, biases)
    await this.#eachModels(models, () => layers.forward(async () => exact, biases))
    for (const [kind, names] of KINDS.entries()) {
      layers.choose(this.#ofModels(models + kind, models + kind + 1))
      layers.hidden.set(before)
      const changed = { ...exact, ...Object.fromEntries(names.map((name) => [name, rounded[name]])) }
      await layers.forward(async () => changed, biases)
    }
    pool.release(start)
  }

  /** Mean KL of each model but the first, which is exact, and of that one with a rounded head. */
  async #head(): Promise<{ models: number[]; head: number }> {
    const { config, weights } = this.#measurement
    const { hiddenSize: cols } = config
    const pool = this.#pool
    const headInput = await weights.headInput()
    this.#layers.choose(this.#spans.slice(0, this.#texts.length))
    await secondMoments(pool, this.#moments.h, await this.#layers.headInputs(headInput), {
      count: this.#textTokens,
      size: cols,
    })
    await factorize(pool, this.#moments, cols)
    const mark = pool.mark()
    const [rounded, exact] = [0, 1].map(() => pool.allocate(VOCABULARY_ROWS * cols * 4))
    const modelCount = 2 + config.layerCount * KINDS.length
    const each = this.#probes.reduce((sum, { length }) => sum + counted(length), 0)
    const positions = modelCount * each
    const x = pool.allocate(positions * cols * 4)
    await this.#eachModels(modelCount, async (from) => {
      const inputs = await this.#layers.headInputs(headInput)
      let [position, to] = [0, x + from * each * cols * 4]
      const { length } = this.#layers.hidden
      for (let sequence = 0; position * cols < length; sequence++) {
        const count = this.#probes[sequence % this.#probes.length].length
        for (let i = FIRST_COUNTED; i < count; i += 2, to += cols * 4) {
          pool.floats(to, cols).set(pool.floats(inputs + (position + i) * cols * 4, cols))
        }
        position += count
      }
    })
    const logits = pool.allocate(positions * VOCABULARY_ROWS * 4)
    const headLogits = pool.allocate(each * VOCABULARY_ROWS * 4)
    const divergences = new Divergences(each, modelCount)
    const head = weights.head.entry.name
    await this.#eachVocabularyChunk(head, exact, rounded, async (_, rows) => {
      await multiplyBy(pool, logits, x, exact, { count: positions, rows, cols })
      await multiplyBy(pool, headLogits, x, rounded, { count: each, rows, cols })
      divergences.add(pool.floats(logits, positions * rows), pool.floats(headLogits, each * rows), rows)
    })
    await this.#sample(head, (row) => weights.rows(head, row, 1))
    pool.release(mark)
    const means = divergences.means()
    return { models: means.slice(0, -1), head: means[means.length - 1] }
  }
}

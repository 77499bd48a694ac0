import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import { Divergences } from './divergences.ts'
import { countsOf, FloatLayers, floatLayersBytes, type LayerMatrix, type SequenceSpan, spansOf } from './float-layer.ts'
import { multiplyBy } from './float-matrix.ts'
import type { FloatPool } from './float-pool.ts'
import type { PlannedWeights } from './planned-weights.ts'
import { type SettingErrors, VOCABULARY_ROWS } from './setting-errors.ts'

// Models that differ from the exact one by one kind of matrix of one layer, or by the embedding: they go through the layers beside it, each from its
// own layer on, as further sequences of the same batch.

/** Of each sequence that divergences are measured on, the first token that counts. */
const FIRST_COUNTED = 8

/** Matrices of a layer whose errors do the same kind of harm. */
export const KINDS = [
  ['query', 'key'],
  ['value'],
  ['attentionOutput'],
  ['gate', 'up'],
  ['down'],
] as const satisfies LayerMatrix[][]

type Sequences = readonly (readonly number[])[]

/** Mean KL from the exact model. */
export interface ProbedDivergences {
  readonly embedding: number
  /** By layer, then by KINDS. */
  readonly layers: readonly (readonly number[])[]
  readonly head: number
}

/** Bytes of the pool that ProbedModels takes. */
export function probedModelsBytes(config: ModelConfig, texts: Sequences, probes: Sequences): number {
  const { hiddenSize, intermediateSize, headCount, kvHeadCount, headDim } = config
  const attention = 2 * (headCount + kvHeadCount) * headDim * hiddenSize
  const layer = attention + 3 * intermediateSize * hiddenSize
  const counting = positionsOf(probes) * modelCount(config)
  const vocabulary = 2 * VOCABULARY_ROWS * hiddenSize + counting * (hiddenSize + 2 * VOCABULARY_ROWS)
  const chosen = chosenTokens(texts, probes)
  const layers = floatLayersBytes(config, { ...countsOf(spansOfAll(config, texts, probes)), chosen })
  // Each allocation is rounded up.
  return layers + align((2 * layer + vocabulary) * 4) + 64 * align(1)
}

/** The exact model and one with a rounded embedding, then the kinds of each layer. */
const modelCount = ({ layerCount }: ModelConfig) => 2 + layerCount * KINDS.length

/** Positions whose logits are compared, of all probes: every second one. */
function positionsOf(probes: Sequences): number {
  return probes.reduce((sum, { length }) => sum + Math.max(0, Math.ceil((length - FIRST_COUNTED) / 2)), 0)
}

/** Tokens that are worked on at once: those of the texts, or of one model where these are fewer. */
function chosenTokens(texts: Sequences, probes: Sequences): number {
  return Math.max(texts.flat().length, probes.flat().length)
}

/** The texts, then the probes of each model. */
function spansOfAll(config: ModelConfig, texts: Sequences, probes: Sequences): SequenceSpan[] {
  return spansOf([...texts, ...Array.from({ length: modelCount(config) }, () => probes).flat()])
}

/** All these models, and the texts that matrices are rounded for, between two layers. */
export class ProbedModels {
  readonly #pool: FloatPool
  readonly #config: ModelConfig
  readonly #weights: PlannedWeights
  readonly #errors: SettingErrors
  readonly #texts: Sequences
  readonly #probes: Sequences
  readonly #spans: readonly SequenceSpan[]
  readonly #layers: FloatLayers
  readonly #textTokens: number

  constructor(
    pool: FloatPool,
    config: ModelConfig,
    weights: PlannedWeights,
    errors: SettingErrors,
    texts: Sequences,
    probes: Sequences,
  ) {
    this.#pool = pool
    this.#config = config
    this.#weights = weights
    this.#errors = errors
    this.#texts = texts
    this.#probes = probes
    this.#spans = spansOfAll(config, texts, probes)
    this.#textTokens = texts.flat().length
    this.#layers = new FloatLayers(pool, config, this.#spans, chosenTokens(texts, probes))
  }

  /** (tokens, hiddenSize) f32: the residual stream of all sequences. */
  get hidden(): Float32Array {
    this.#layers.choose(this.#spans)
    return this.#layers.hidden
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

  /** All sequences <- their embeddings, of one model the rounded ones. */
  async embed(): Promise<void> {
    const cols = this.#config.hiddenSize
    this.#errors.setNoInputs(cols)
    const mark = this.#pool.mark()
    const [rounded, exact] = [0, 1].map(() => this.#pool.allocate(VOCABULARY_ROWS * cols * 4))
    await this.#errors.vocabulary('embedding', exact, rounded, async (first, count) => {
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
    this.#pool.release(mark)
  }

  /** All sequences <- what comes out of a layer, of the models of its kinds with these matrices rounded. */
  async layer(layer: number): Promise<void> {
    const [weights, errors, layers, pool] = [this.#weights, this.#errors, this.#layers, this.#pool]
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
      await errors.setInputs(x, { count: this.#textTokens, size: cols })
      for (const part of parts) {
        const name = `layers.${layer}.${part}`
        const values = await weights.rows(name)
        for (const to of [exact, rounded]) to[part] = pool.put(values)
        await errors.probe(name, rounded[part], values.length / cols)
        await errors.sample(name, (row) => values.subarray(row * cols, (row + 1) * cols))
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

  /** What has come of each model behind all layers, and of the exact one with a rounded head. */
  async head(): Promise<ProbedDivergences> {
    const [config, weights, pool] = [this.#config, this.#weights, this.#pool]
    const cols = config.hiddenSize
    const headInput = await weights.headInput()
    this.#layers.choose(this.#spans.slice(0, this.#texts.length))
    await this.#errors.setInputs(await this.#layers.headInputs(headInput), { count: this.#textTokens, size: cols })
    const mark = pool.mark()
    const [rounded, exact] = [0, 1].map(() => pool.allocate(VOCABULARY_ROWS * cols * 4))
    const [models, each] = [modelCount(config), positionsOf(this.#probes)]
    const positions = models * each
    const x = pool.allocate(positions * cols * 4)
    await this.#eachModels(models, async (from) => {
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
    const divergences = new Divergences(each, models)
    await this.#errors.vocabulary(weights.head, exact, rounded, async (_, rows) => {
      await multiplyBy(pool, logits, x, exact, { count: positions, rows, cols })
      await multiplyBy(pool, headLogits, x, rounded, { count: each, rows, cols })
      divergences.add(pool.floats(logits, positions * rows), pool.floats(headLogits, each * rows), rows)
    })
    pool.release(mark)
    // Of each model but the first, which is exact, and of that one with a rounded head.
    const means = divergences.means()
    const ofLayer = (_: unknown, layer: number) => means.slice(1 + layer * KINDS.length, 1 + (layer + 1) * KINDS.length)
    return {
      embedding: means[0],
      layers: Array.from({ length: config.layerCount }, ofLayer),
      head: means[means.length - 1],
    }
  }
}

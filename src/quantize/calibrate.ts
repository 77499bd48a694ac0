import { align } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import type { PlannedTensor } from '../pack/plan-tensor.ts'
import { type BlockRotation, blockWeights } from '../pack/planes/block.ts'
import { packPlanes } from '../pack/planes/layout.ts'
import { vectorValues } from '../pack/rotated-source.ts'
import type { TensorReader } from '../pack/tensor-reader.ts'
import type { ModelConfig, PlanesTensor } from '../weights/manifest.ts'
import type { CalibrationFolder } from './calibration-folder.ts'
import { factorize } from './factorize.ts'
import { FloatLayers, floatLayersBytes, type LayerMatrix, spansOf } from './float-layer.ts'
import { FloatPool } from './float-pool.ts'
import { type Moments, quantizeMatrix, resultBytes } from './quantize-matrix.ts'
import { secondMoments } from './second-moments.ts'

/** Rows of the head that are in memory at a time. */
const HEAD_ROWS = 8192
/** Columns of the smallest group, which makes the most scales. */
const SMALLEST_GROUP = 32

/** A matrix that is rounded with error feedback. */
export interface CalibratedTensor extends PlannedTensor {
  readonly entry: PlanesTensor
}

export interface Calibration {
  /** Of the rotated model. */
  readonly config: ModelConfig
  /** Token ids of the calibration text. */
  readonly sequences: readonly (readonly number[])[]
  /** Of the rotated model, by our names; matrices of the layers and the head are calibrated. */
  readonly planned: ReadonlyMap<string, PlannedTensor>
  readonly reader: TensorReader
  /** Where results are kept as they come, to go on from there after an interruption. */
  readonly folder: CalibrationFolder
  readonly progress?: (done: number, total: number) => void
}

/**
 * Round the matrices of the layers and the head with error feedback, layer by layer, each for the inputs that the layers rounded before it
 * give; the folder then has their bytes. Throws PackError.
 */
export async function calibrate(calibration: Calibration): Promise<void> {
  const { config, folder, sequences, progress } = calibration
  if (await folder.has('head')) return
  const spans = spansOf(sequences)
  const tokens = spans.reduce((sum, { count }) => sum + count, 0)
  const longest = Math.max(...spans.map(({ count }) => count))
  const work = workBytes(calibration)
  const widest = Math.max(config.intermediateSize, config.hiddenSize, config.headCount * config.headDim)
  const pool = await FloatPool.create(floatLayersBytes(config, tokens, longest) + work, widest)
  try {
    const layers = new FloatLayers(pool, config, spans)
    const rounding = new Rounding(pool, calibration, tokens)
    const total = config.layerCount + 1
    const done = await folder.layersDone(layers.hidden)
    if (done === 0) await embed(calibration, layers.hidden)
    progress?.(done, total)
    for (let layer = done; layer < config.layerCount; layer++) {
      const biases = await layerBiases(calibration, layer)
      await layers.forward(
        (names, x) =>
          rounding.round(
            names.map((name) => `layers.${layer}.${name}`),
            x,
          ),
        biases,
      )
      await folder.finishLayer(layer, layers.hidden)
      progress?.(layer + 1, total)
    }
    await rounding.roundHead(await layers.normed())
    progress?.(total, total)
  } finally {
    await pool.close()
  }
}

function workBytes({ config, planned }: Calibration): number {
  const { hiddenSize, intermediateSize, headCount, headDim } = config
  const widest = Math.max(hiddenSize, intermediateSize, headCount * headDim)
  const sizes = [...planned.values()].filter(isMatrix).map(({ entry }) => {
    const [rows, cols] = entry.shape
    return cols * (entry.name === 'head' ? Math.min(rows, HEAD_ROWS) : rows)
  })
  // gate and up are there at once, and nothing larger with another.
  const largest = Math.max(...sizes, 2 * intermediateSize * hiddenSize)
  const results = resultBytes(largest, { groupSize: SMALLEST_GROUP })
  return 2 * align(widest * widest * 4) + align(widest * 4) + 2 * align(largest * 4) + align(results)
}

export const isMatrix = (tensor: PlannedTensor): tensor is CalibratedTensor =>
  tensor.entry.kind === 'planes' && tensor.entry.name !== 'embedding'

/** hidden (tokens, hiddenSize) <- rows of the rotated embedding. */
async function embed({ sequences, planned, reader, config }: Calibration, hidden: Float32Array): Promise<void> {
  const { tensor, rotation } = planned.get('embedding')!
  const { hiddenSize: cols } = config
  const rows = new Map<number, Float32Array>()
  for (const [i, id] of sequences.flat().entries()) {
    const row =
      rows.get(id) ??
      (await blockWeights(reader, { tensor, firstRow: id, rows: 1, cols, rotation: rotation as BlockRotation }))
    rows.set(id, row)
    hidden.set(row, i * cols)
  }
}

async function layerBiases(
  { planned, reader }: Calibration,
  layer: number,
): Promise<Partial<Record<LayerMatrix, Float32Array>>> {
  const biases: Partial<Record<LayerMatrix, Float32Array>> = {}
  for (const name of ['query', 'key', 'value'] as const) {
    const bias = planned.get(`layers.${layer}.${name}Bias`)
    if (bias) biases[name] = await vectorValues(reader, bias.tensor, bias.rotation)
  }
  return biases
}

/** Rounds matrices for what they are multiplied with, and keeps the results. */
class Rounding {
  readonly #pool: FloatPool
  readonly #calibration: Calibration
  readonly #tokens: number
  readonly #moments: Moments

  constructor(pool: FloatPool, calibration: Calibration, tokens: number) {
    const { hiddenSize, intermediateSize, headCount, headDim } = calibration.config
    const widest = Math.max(hiddenSize, intermediateSize, headCount * headDim)
    this.#pool = pool
    this.#calibration = calibration
    this.#tokens = tokens
    const matrix = () => pool.allocate(widest * widest * 4)
    this.#moments = { h: matrix(), u: matrix(), d: pool.allocate(widest * 4) }
  }

  /** The matrices of these names, all multiplied with x (tokens, columns) f32, rounded: where each is, by the last part of its name. */
  async round(names: readonly string[], x: Pointer): Promise<Record<string, Pointer>> {
    const pool = this.#pool
    const tensors = names.map((name) => this.#tensor(name))
    await this.#factorize(x, tensors[0].entry.shape[1])
    const mark = pool.mark()
    const pointers: Record<string, Pointer> = {}
    for (const { entry } of tensors) {
      const part = entry.name.split('.')[2]
      pointers[part] = pool.allocate(entry.shape[0] * entry.shape[1] * 4)
    }
    for (const tensor of tensors) {
      const { name, shape } = tensor.entry
      const packed = await this.#roundRows(tensor, pointers[name.split('.')[2]], 0, shape[0])
      await this.#calibration.folder.write(name, [packed])
    }
    // The weights stay until the next call, whose inputs they make.
    pool.release(mark)
    return pointers
  }

  /** The head, for x (tokens, hiddenSize) f32. */
  async roundHead(x: Pointer): Promise<void> {
    const head = this.#tensor('head')
    const [rows, cols] = head.entry.shape
    await this.#factorize(x, cols)
    const mark = this.#pool.mark()
    const w = this.#pool.allocate(Math.min(rows, HEAD_ROWS) * cols * 4)
    const parts: Uint8Array[] = []
    for (let first = 0; first < rows; first += HEAD_ROWS) {
      parts.push(await this.#roundRows(head, w, first, Math.min(HEAD_ROWS, rows - first)))
    }
    this.#pool.release(mark)
    await this.#calibration.folder.write('head', parts)
  }

  #tensor(name: string): CalibratedTensor {
    return this.#calibration.planned.get(name) as CalibratedTensor
  }

  async #factorize(x: Pointer, size: number): Promise<void> {
    await secondMoments(this.#pool, this.#moments.h, x, { count: this.#tokens, size })
    await factorize(this.#pool, this.#moments, size)
  }

  async #roundRows({ tensor, rotation, entry }: CalibratedTensor, w: Pointer, firstRow: number, rows: number) {
    const pool = this.#pool
    const cols = entry.shape[1]
    const { reader } = this.#calibration
    const weights = await blockWeights(reader, { tensor, firstRow, rows, cols, rotation: rotation as BlockRotation })
    pool.floats(w, rows * cols).set(weights)
    const mark = pool.mark()
    const results = pool.allocate(resultBytes(rows * cols, entry))
    const matrix = await quantizeMatrix(pool, w, this.#moments, results, { ...entry, rows, cols })
    pool.release(mark)
    return packPlanes(matrix)
  }
}

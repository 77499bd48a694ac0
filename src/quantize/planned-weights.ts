import type { PlannedTensor } from '../pack/plan-tensor.ts'
import { type BlockRotation, blockWeights } from '../pack/planes/block.ts'
import { vectorValues } from '../pack/rotated-source.ts'
import type { TensorReader } from '../pack/tensor-reader.ts'
import { bandMatrix, type VocabularyMatrix } from '../weights/bands.ts'
import type { PlanesTensor } from '../weights/manifest.ts'
import type { LayerBiases } from './float-layer.ts'

export type PlannedMatrix = PlannedTensor & { readonly entry: PlanesTensor }

/** A matrix that calibration rounds: what a tied head reads keeps its 8 planes. */
export const isMatrix = (tensor: PlannedTensor): tensor is PlannedMatrix =>
  tensor.entry.kind === 'planes' && tensor.entry.name !== 'headInput'

/** The weights of a rotated model, read as they are wanted. Throws PackError. */
export class PlannedWeights {
  /** By our names. */
  readonly planned: ReadonlyMap<string, PlannedTensor>
  readonly #reader: TensorReader

  constructor(planned: ReadonlyMap<string, PlannedTensor>, reader: TensorReader) {
    this.planned = planned
    this.#reader = reader
  }

  matrix(name: string): PlannedMatrix {
    return this.planned.get(name) as PlannedMatrix
  }

  /** Some rows of a matrix, or all. */
  rows(name: string, firstRow?: number, count?: number): Promise<Float32Array> {
    const { tensor, rotation, entry, firstRow: start = 0 } = this.matrix(name)
    const [rows, cols] = entry.shape
    const part = { firstRow: start + (firstRow ?? 0), rows: count ?? rows, cols }
    return blockWeights(this.#reader, { tensor, ...part, rotation: rotation as BlockRotation })
  }

  /** The bands of a matrix of the vocabulary, by rows. */
  bands(matrix: VocabularyMatrix): PlannedMatrix[] {
    return [...this.planned.values()].filter(isMatrix).filter(({ entry }) => bandMatrix(entry.name) === matrix)
  }

  /** The matrix that is the head. */
  get head(): VocabularyMatrix {
    return this.planned.has('head') ? 'head' : 'embedding'
  }

  /** Of a tied head. */
  async headInput(): Promise<Float32Array | undefined> {
    return this.planned.has('headInput') ? this.rows('headInput') : undefined
  }

  async biases(layer: number): Promise<LayerBiases> {
    const biases: LayerBiases = {}
    for (const name of ['query', 'key', 'value'] as const) {
      const bias = this.planned.get(`layers.${layer}.${name}Bias`)
      if (bias) biases[name] = await vectorValues(this.#reader, bias.tensor, bias.rotation)
    }
    return biases
  }
}

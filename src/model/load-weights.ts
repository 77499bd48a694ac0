import { bandsOf, type VocabularyMatrix } from '../weights/bands.ts'
import { loadTensors, type Progress } from '../weights/load-tensors.ts'
import type { Tensor } from '../weights/manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import type { Arena } from './arena.ts'
import type { Pointer } from './kernels.ts'
import { type Matrix, matrixAt } from './matrix.ts'
import type { LayerWeights } from './stage.ts'

/** Tensors in Wasm memory, by name. */
export class Weights {
  readonly #tensors: ReadonlyMap<string, Tensor>
  readonly #pointers: ReadonlyMap<string, Pointer>

  constructor(tensors: ReadonlyMap<string, Tensor>, pointers: ReadonlyMap<string, Pointer>) {
    this.#tensors = tensors
    this.#pointers = pointers
  }

  /** undefined: the model has none of this name. */
  optional(name: string): Pointer | undefined {
    return this.#pointers.get(name)
  }

  vector(name: string): Pointer {
    return this.#pointers.get(name)!
  }

  matrix(name: string): Matrix {
    const tensor = this.#tensors.get(name)!
    if (tensor.kind !== 'planes') throw new TypeError(`${name} is not a matrix`)
    return matrixAt(this.#pointers.get(name)!, tensor)
  }

  /** undefined: the model has none of this name. */
  optionalMatrix(name: string): Matrix | undefined {
    return this.#tensors.has(name) ? this.matrix(name) : undefined
  }

  /** The bands of a matrix of the vocabulary. */
  bands(name: VocabularyMatrix): Matrix[] {
    return bandsOf([...this.#tensors.values()], name).map((band) => this.matrix(band.name))
  }

  layer(index: number): LayerWeights {
    const [vector, matrix] = [
      (name: string) => this.vector(`layers.${index}.${name}`),
      (name: string) => this.matrix(`layers.${index}.${name}`),
    ]
    return {
      attentionNorm: vector('attentionNorm'),
      query: matrix('query'),
      key: matrix('key'),
      value: matrix('value'),
      queryBias: this.optional(`layers.${index}.queryBias`),
      keyBias: this.optional(`layers.${index}.keyBias`),
      valueBias: this.optional(`layers.${index}.valueBias`),
      attentionOutput: matrix('attentionOutput'),
      ffnNorm: vector('ffnNorm'),
      gate: matrix('gate'),
      up: matrix('up'),
      down: matrix('down'),
    }
  }
}

/** Room for tensors of a pack, with nothing in it yet. */
export function allocateWeights(arena: Arena, tensors: readonly Tensor[]): Weights {
  const pointers = tensors.map((tensor) => [tensor.name, arena.allocate(tensorBytes(tensor))] as const)
  return new Weights(new Map(tensors.map((tensor) => [tensor.name, tensor])), new Map(pointers))
}

/** Load tensors of a pack to an arena that has room for them. Throws WeightsError. */
export async function loadWeights(
  store: WeightStore,
  tensors: readonly Tensor[],
  arena: Arena,
  progress?: Progress,
): Promise<Weights> {
  const weights = allocateWeights(arena, tensors)
  const memory = ({ name }: Tensor, bytes: number) => arena.bytes(weights.vector(name), bytes)
  await loadTensors(store, { tensors }, memory, progress)
  return weights
}

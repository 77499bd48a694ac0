import type { Manifest, PlanesTensor, Tensor } from '../weights/manifest.ts'

/** What a stage needs to know of a model: no shard is read. */
export type ModelShape = Pick<Manifest, 'config' | 'tensors'>

/** The matrix that the head multiplies with. */
export function headMatrix({ config, tensors }: ModelShape): PlanesTensor {
  const name = config.tiedEmbedding ? 'embedding' : 'head'
  return tensors.find((tensor): tensor is PlanesTensor => tensor.name === name && tensor.kind === 'planes')!
}

/** What each slice of the head has whole: the last norm, and the matrix before a tied head of a rotated model. */
export function headTensors({ tensors }: ModelShape): Tensor[] {
  return tensors.filter(({ name }) => name === 'norm' || name === 'headInput')
}

/** The tensors of a layer. */
export function layerTensors({ tensors }: ModelShape, layer: number): Tensor[] {
  return tensors.filter(({ name }) => name.startsWith(`layers.${layer}.`))
}

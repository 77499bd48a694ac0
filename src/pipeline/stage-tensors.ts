import { TILE_ROWS } from '../../assembly/layout.ts'
import { bandsOf } from '../weights/bands.ts'
import type { Manifest, PlanesTensor, Tensor } from '../weights/manifest.ts'
import { planeFormat, tensorBytes, tileBytes } from '../weights/plane-layout.ts'
import type { HeadRows } from './stage-plan.ts'

/** What a stage needs to know of a model: no shard is read. */
export type ModelShape = Pick<Manifest, 'config' | 'tensors'>

/** Consecutive rows of a band. */
export interface BandPart {
  readonly band: PlanesTensor
  /** The same with these rows alone, which lie nowhere yet. */
  readonly tensor: PlanesTensor
  /** The bytes of the band that they are. */
  readonly from: number
  readonly to: number
}

/** The bands of the matrix that the head multiplies with. */
export function headBands({ config, tensors }: ModelShape): PlanesTensor[] {
  return bandsOf(tensors, config.tiedEmbedding ? 'embedding' : 'head')
}

/** What a slice of the head has of each band: it may begin and end inside of them. */
export function headParts(model: ModelShape, { firstRow, rows }: HeadRows): BandPart[] {
  let end = 0
  return headBands(model).flatMap((band) => {
    const [bandRows, cols] = band.shape
    const start = end
    end += bandRows
    const first = Math.max(firstRow, start)
    const count = Math.min(firstRow + rows, end) - first
    if (count <= 0) return []
    const tensor: PlanesTensor = { ...band, shape: [count, cols], spans: [] }
    const from = ((first - start) / TILE_ROWS) * tileBytes(cols, planeFormat(band))
    return [{ band, tensor, from, to: from + tensorBytes(tensor) }]
  })
}

/** What each slice of the head has whole: the last norm, and the matrix before a tied head of a rotated model. */
export function headTensors({ tensors }: ModelShape): Tensor[] {
  return tensors.filter(({ name }) => name === 'norm' || name === 'headInput')
}

/** The tensors of a layer. */
export function layerTensors({ tensors }: ModelShape, layer: number): Tensor[] {
  return tensors.filter(({ name }) => name.startsWith(`layers.${layer}.`))
}

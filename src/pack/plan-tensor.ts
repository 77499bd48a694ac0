import { TILE_ROWS } from '../../assembly/layout.ts'
import type { PlanesTensor, Tensor } from '../weights/manifest.ts'
import { tensorClass } from '../weights/tensor-shapes.ts'
import type { SourceTensor } from './model-source.ts'
import { PackError } from './pack-error.ts'
import type { PlanesByClass } from './pack-options.ts'
import type { Block, BlockRotation } from './planes/block.ts'
import { ggufType } from './tensor-types/types.ts'

/** Weights that a thread holds at a time. */
const BLOCK_WEIGHTS = 1 << 20
/** Columns that share a scale in every type that is imported without rounding. */
const IMPORT_GROUP = 32
/** Planes of a matrix of floats or of a type with finer groups than ours, where none are asked for. */
const DEFAULT_PLANES = 8

export interface RoundingOptions {
  readonly planes: PlanesByClass
  /** Group size of matrices that are rounded. */
  readonly groupSize: PlanesTensor['groupSize']
}

/** The rotation of one tensor: of a vector 'ones' where it is a norm. */
export type PlannedRotation = BlockRotation | 'ones'

export interface PlannedTensor {
  readonly tensor: SourceTensor
  /** Of the tensor, where the entry is a band of it; absent: 0. */
  readonly firstRow?: number
  readonly rotation?: PlannedRotation
  /** What the manifest will say of it, its spans not yet known. */
  readonly entry: Tensor
  /** The parts that a matrix is packed in, in order. */
  readonly blocks: readonly Block[]
}

/** How one of our tensors is packed. Throws PackError. */
export function planTensor(
  name: string,
  tensor: SourceTensor,
  { planes, groupSize }: RoundingOptions,
  rotation?: PlannedRotation,
): PlannedTensor {
  const [rows, cols] = tensor.shape
  if (cols === undefined)
    return { tensor, rotation, entry: { name, kind: 'f32', shape: [rows], spans: [] }, blocks: [] }
  const isHeadInput = name === 'headInput'
  const asked = isHeadInput ? DEFAULT_PLANES : planes[tensorClass(name)]
  // What is rotated has no block of its file left.
  const imported = asked === undefined && rotation === undefined ? ggufType(tensor.type)!.planes : null
  const entry: PlanesTensor = {
    name,
    kind: 'planes',
    shape: [rows, cols],
    planes: imported?.planes ?? asked ?? DEFAULT_PLANES,
    groupSize: imported === null && !isHeadInput ? groupSize : IMPORT_GROUP,
    zeroPoint: imported === null ? null : imported.zeroPoint,
    spans: [],
  }
  if (cols % entry.groupSize !== 0) {
    throw new PackError(
      'option_invalid',
      `${tensor.path}: tensor ${tensor.name} has ${cols} columns, not whole groups of ${entry.groupSize}; give a smaller --group`,
    )
  }
  return {
    tensor,
    rotation,
    entry,
    blocks: blocksOf(tensor, entry, imported === null, rotation === 'ones' ? undefined : rotation),
  }
}

function blocksOf(tensor: SourceTensor, entry: PlanesTensor, rounded: boolean, rotation?: BlockRotation): Block[] {
  const [rows, cols] = entry.shape
  const share = Math.max(1, Math.floor(BLOCK_WEIGHTS / cols / TILE_ROWS)) * TILE_ROWS
  const blockRows = rotation?.rows ? rows : share
  return Array.from({ length: Math.ceil(rows / blockRows) }, (_, i) => ({
    tensor,
    firstRow: i * blockRows,
    rows: Math.min(blockRows, rows - i * blockRows),
    cols,
    planes: entry.planes,
    groupSize: entry.groupSize,
    rounded,
    ...(rotation && { rotation }),
  }))
}

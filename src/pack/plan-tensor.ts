import { TILE_ROWS } from '../../assembly/layout.ts'
import type { PlanesTensor, Tensor } from '../weights/manifest.ts'
import { tensorClass } from '../weights/tensor-shapes.ts'
import { ggufType } from './gguf-types.ts'
import type { SourceTensor } from './model-source.ts'
import type { Block } from './pack-block.ts'
import { PackError } from './pack-error.ts'
import type { PlanesByClass } from './pack-options.ts'

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

export interface PlannedTensor {
  readonly tensor: SourceTensor
  /** What the manifest will say of it, its spans not yet known. */
  readonly entry: Tensor
  /** The parts that a matrix is packed in, in order. */
  readonly blocks: readonly Block[]
}

/** How one of our tensors is packed. Throws PackError. */
export function planTensor(name: string, tensor: SourceTensor, { planes, groupSize }: RoundingOptions): PlannedTensor {
  const [rows, cols] = tensor.shape
  if (cols === undefined) return { tensor, entry: { name, kind: 'f32', shape: [rows], spans: [] }, blocks: [] }
  const asked = planes[tensorClass(name)]
  const imported = asked === undefined ? ggufType(tensor.type)!.planes : null
  const entry: PlanesTensor = {
    name,
    kind: 'planes',
    shape: [rows, cols],
    planes: imported?.planes ?? asked ?? DEFAULT_PLANES,
    groupSize: imported === null ? groupSize : IMPORT_GROUP,
    levels: 'uniform',
    zeroPoint: imported === null ? null : imported.zeroPoint,
    spans: [],
  }
  if (cols % entry.groupSize !== 0) {
    throw new PackError(
      'option_invalid',
      `${tensor.path}: tensor ${tensor.name} has ${cols} columns, not whole groups of ${entry.groupSize}; give a smaller --group`,
    )
  }
  return { tensor, entry, blocks: blocksOf(tensor, entry, imported === null) }
}

function blocksOf(tensor: SourceTensor, entry: PlanesTensor, rounded: boolean): Block[] {
  const [rows, cols] = entry.shape
  const blockRows = Math.max(1, Math.floor(BLOCK_WEIGHTS / cols / TILE_ROWS)) * TILE_ROWS
  return Array.from({ length: Math.ceil(rows / blockRows) }, (_, i) => ({
    tensor,
    firstRow: i * blockRows,
    rows: Math.min(blockRows, rows - i * blockRows),
    cols,
    planes: entry.planes,
    groupSize: entry.groupSize,
    rounded,
  }))
}

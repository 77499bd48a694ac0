import { rotateTensor, type TensorRotation } from '../../quantize/rotation.ts'
import type { PlanesTensor } from '../../weights/manifest.ts'
import type { SourceTensor } from '../model-source.ts'
import { PackError } from '../pack-error.ts'
import type { TensorReader } from '../tensor-reader.ts'
import { ggufType } from '../tensor-types/types.ts'
import { packPlanes, type QuantizedMatrix } from './layout.ts'
import { roundToPlanes } from './round.ts'

/** Some rows of a matrix to be packed: whole tiles, but for the last ones. */
export interface Block {
  readonly tensor: SourceTensor
  readonly firstRow: number
  readonly rows: number
  readonly cols: number
  readonly planes: number
  readonly groupSize: PlanesTensor['groupSize']
  /** Round the weights, rather than take over integers and scales of the file. */
  readonly rounded: boolean
  readonly rotation?: BlockRotation
}

/** Rotate the rows before they are rounded. */
export interface BlockRotation extends TensorRotation {
  /** The tensor of the norm that goes into the columns. */
  readonly normTensor: SourceTensor | null
}

/** The rows in the layout of the pack. Throws PackError. */
export async function packBlock(reader: TensorReader, block: Block): Promise<Uint8Array> {
  const matrix = await (block.rounded ? roundRows : importRows)(reader, block)
  if (!allFinite(matrix.scales) || !allFinite(matrix.mins ?? new Uint16Array())) throw notFinite(block.tensor)
  return packPlanes(matrix)
}

/** Weights `first` up to `first + count` of a tensor. Throws PackError. */
export async function finiteWeights(
  reader: TensorReader,
  tensor: SourceTensor,
  first: number,
  count: number,
): Promise<Float32Array> {
  const weights = await reader.readWeights(tensor, first, count)
  for (let i = 0; i < weights.length; i++) if (!Number.isFinite(weights[i])) throw notFinite(tensor)
  return weights
}

async function roundRows(reader: TensorReader, block: Block): Promise<QuantizedMatrix> {
  return roundToPlanes(await blockWeights(reader, block), block)
}

/** The rows as float32, rotated where they are to be. Throws PackError. */
export async function blockWeights(
  reader: TensorReader,
  { tensor, firstRow, rows, cols, rotation }: Pick<Block, 'tensor' | 'firstRow' | 'rows' | 'cols' | 'rotation'>,
): Promise<Float32Array> {
  const weights = rotation?.identity
    ? identity(cols)
    : await finiteWeights(reader, tensor, firstRow * cols, rows * cols)
  if (rotation === undefined) return weights
  const norm = rotation.normTensor && (await finiteWeights(reader, rotation.normTensor, 0, cols))
  rotateTensor(weights, rows, cols, rotation, norm)
  return weights
}

function identity(size: number): Float32Array {
  return Float32Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0))
}

async function importRows(reader: TensorReader, block: Block): Promise<QuantizedMatrix> {
  const { tensor, firstRow, rows, cols, planes, groupSize } = block
  const { split, zeroPoint } = ggufType(tensor.type)!.planes!
  const q = new Uint8Array(rows * cols)
  const scales = new Uint16Array(q.length / groupSize)
  const mins = new Uint16Array(scales.length)
  const raw = await reader.readStored(tensor, firstRow * cols, q.length)
  split(raw, q, new Float16Array(scales.buffer), new Float16Array(mins.buffer))
  return { rows, cols, planes, groupSize, q, scales, mins: zeroPoint === null ? mins : null }
}

/** Whether no half float is infinite or no number: their exponents are all ones. */
function allFinite(halves: Uint16Array): boolean {
  return halves.every((half) => (half & 0x7c00) !== 0x7c00)
}

function notFinite({ name, path }: SourceTensor): PackError {
  return new PackError(
    'weights_not_finite',
    `${path}: tensor ${name} has weights that are infinite, not a number or too large; download the file again`,
  )
}

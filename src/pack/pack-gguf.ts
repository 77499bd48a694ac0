import { basename } from 'node:path'
import { TILE_ROWS } from '../../assembly/layout.ts'
import { type Manifest, PACK_VERSION, type PlanesTensor, type Tensor } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { planeFormat, tensorBytes, tileBytes } from '../weights/plane-layout.ts'
import { tensorClass } from '../weights/tensor-shapes.ts'
import { ggufConfig, ggufTokens, optionalText } from './gguf-config.ts'
import { type GgufFile, type GgufTensor, openGguf } from './gguf-file.ts'
import { modelTensors } from './gguf-tensors.ts'
import { PackError } from './pack-error.ts'
import type { PlanesByClass } from './pack-options.ts'
import { packPlanes, type QuantizedMatrix } from './pack-planes.ts'
import { roundToPlanes } from './round-to-planes.ts'
import { ShardWriter } from './shard-writer.ts'
import { buildTokenizerTables, tokenizerSpecFromGguf } from './tokenizer-tables.ts'

/** Weights held in memory at a time. */
const BLOCK_WEIGHTS = 4 << 20
/** Columns that share a scale in every type that is imported without rounding. */
const IMPORT_GROUP = 32
/** Planes of a matrix of floats or of a type with finer groups than ours, where none are asked for. */
const DEFAULT_PLANES = 8

export interface PackOptions {
  readonly name: string
  readonly planes: PlanesByClass
  /** Group size of matrices that are rounded. */
  readonly groupSize: PlanesTensor['groupSize']
  /** Sampling settings of the model, which a GGUF does not hold. */
  readonly sampling?: Manifest['sampling']
  readonly progress?: (weightsDone: number, weightsTotal: number) => void
}

/** Pack a GGUF model into a folder of manifest and shards. The same file and options give the same bytes. Throws PackError. */
export async function packGguf(path: string, folder: string, options: PackOptions): Promise<Manifest> {
  const file = await openGguf(path)
  try {
    const config = ggufConfig(file)
    const tokens = ggufTokens(file.metadata)
    const tables = buildTokenizerTables(tokenizerSpecFromGguf(file.metadata))
    const source = modelTensors(file, config)
    const planned = [...source].map(([name, tensor]) => ({ tensor, entry: planTensor(name, tensor, options) }))
    const weights = ({ shape }: GgufTensor) => shape.reduce((product, dim) => product * dim, 1)
    const total = planned.reduce((sum, { tensor }) => sum + weights(tensor), 0)
    let done = 0
    const advance = (count: number) => {
      done += count
      options.progress?.(done, total)
    }

    const writer = await ShardWriter.create(folder)
    const tensors: Tensor[] = []
    for (const { tensor, entry } of planned) {
      if (entry.kind === 'f32') {
        const spans = await writer.write(tensorBytes(entry), tensorBytes(entry), [await floatBytes(file, tensor)])
        tensors.push({ ...entry, spans })
        advance(weights(tensor))
      } else {
        const tile = tileBytes(entry.shape[1], planeFormat(entry))
        const spans = await writer.write(tensorBytes(entry), tile, planeBlocks(file, tensor, entry, options, advance))
        tensors.push({ ...entry, spans })
      }
    }
    const [tokenizer] = await writer.write(tables.length, tables.length, [tables])
    const sha256 = await file.sha256()
    return await writer.finish((shards) =>
      parseManifest(
        {
          format: 'nanbeige-edge',
          version: PACK_VERSION,
          name: options.name,
          license: optionalText(file.metadata, 'general.license'),
          source: { name: basename(path), sha256 },
          config,
          tokenizer,
          tokens,
          chatTemplate: optionalText(file.metadata, 'tokenizer.chat_template') ?? '',
          sampling: options.sampling ?? {},
          tensors,
          shards,
        } satisfies Manifest,
        options.name,
      ),
    )
  } finally {
    await file.close()
  }
}

/** The manifest entry of a tensor, its spans not yet known. */
function planTensor(name: string, tensor: GgufTensor, options: PackOptions): Tensor {
  const [rows, cols] = tensor.shape
  if (cols === undefined) return { name, kind: 'f32', shape: [rows], spans: [] }
  const asked = options.planes[tensorClass(name)]
  const imported = asked === undefined ? tensor.type.planes : null
  const groupSize = imported === null ? options.groupSize : IMPORT_GROUP
  if (cols % groupSize !== 0) {
    throw new PackError('option_invalid', `tensor ${tensor.name} has ${cols} columns, not whole groups of ${groupSize}`)
  }
  return {
    name,
    kind: 'planes',
    shape: [rows, cols],
    planes: imported?.planes ?? asked ?? DEFAULT_PLANES,
    groupSize,
    levels: 'uniform',
    zeroPoint: imported === null ? null : imported.zeroPoint,
    spans: [],
  }
}

async function floatBytes(file: GgufFile, tensor: GgufTensor): Promise<Uint8Array> {
  const weights = await readWeights(file, tensor, 0, tensor.shape[0])
  return new Uint8Array(weights.buffer)
}

async function readWeights(file: GgufFile, tensor: GgufTensor, first: number, count: number): Promise<Float32Array> {
  const weights = new Float32Array(count)
  tensor.type.dequantize(await file.read(tensor, first, count), weights)
  if (!weights.every(Number.isFinite)) throw notFinite(tensor)
  return weights
}

/** A matrix in the layout of the pack, some tiles at a time. */
async function* planeBlocks(
  file: GgufFile,
  tensor: GgufTensor,
  entry: PlanesTensor,
  options: PackOptions,
  advance: (weights: number) => void,
): AsyncGenerator<Uint8Array> {
  const [rows, cols] = entry.shape
  const blockRows = Math.max(1, Math.floor(BLOCK_WEIGHTS / cols / TILE_ROWS)) * TILE_ROWS
  const rounded = options.planes[tensorClass(entry.name)] !== undefined || tensor.type.planes === null
  for (let row = 0; row < rows; row += blockRows) {
    const shape = { ...entry, rows: Math.min(blockRows, rows - row), cols }
    const matrix = await (rounded ? roundRows : importRows)(file, tensor, row * cols, shape)
    if (!allFinite(matrix.scales) || !allFinite(matrix.mins ?? new Uint16Array())) throw notFinite(tensor)
    yield packPlanes(matrix)
    advance(shape.rows * cols)
  }
}

interface RowsShape {
  readonly rows: number
  readonly cols: number
  readonly planes: number
  readonly groupSize: number
}

async function roundRows(
  file: GgufFile,
  tensor: GgufTensor,
  first: number,
  { rows, cols, planes, groupSize }: RowsShape,
): Promise<QuantizedMatrix> {
  const weights = await readWeights(file, tensor, first, rows * cols)
  return roundToPlanes(weights, { rows, cols, planes, groupSize })
}

async function importRows(
  file: GgufFile,
  tensor: GgufTensor,
  first: number,
  { rows, cols, planes, groupSize }: RowsShape,
): Promise<QuantizedMatrix> {
  const { split, zeroPoint } = tensor.type.planes!
  const q = new Uint8Array(rows * cols)
  const scales = new Uint16Array(q.length / groupSize)
  const mins = new Uint16Array(scales.length)
  const raw = await file.read(tensor, first, q.length)
  split(raw, q, new Float16Array(scales.buffer), new Float16Array(mins.buffer))
  return { rows, cols, planes, groupSize, q, scales, mins: zeroPoint === null ? mins : null }
}

/** Whether no half float is infinite or no number: their exponents are all ones. */
function allFinite(halves: Uint16Array): boolean {
  return halves.every((half) => (half & 0x7c00) !== 0x7c00)
}

function notFinite(tensor: GgufTensor): PackError {
  return new PackError(
    'weights_not_finite',
    `tensor ${tensor.name} has weights that are infinite, not a number or too large; the file is damaged`,
  )
}

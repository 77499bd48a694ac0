import { TILE_ROWS } from '../../assembly/layout.ts'
import { type Manifest, PACK_VERSION, type PlanesTensor, type Tensor } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { planeFormat, tensorBytes, tileBytes } from '../weights/plane-layout.ts'
import { tensorClass } from '../weights/tensor-shapes.ts'
import { BlockPool } from './block-pool.ts'
import type { ModelSource, SourceTensor } from './model-source.ts'
import { openSource } from './open-source.ts'
import { type Block, finiteWeights } from './pack-block.ts'
import { PackError } from './pack-error.ts'
import type { PlanesByClass } from './pack-options.ts'
import { ShardWriter } from './shard-writer.ts'
import type { TokenizerSpec } from './tokenizer-spec.ts'
import { buildTokenizerTables } from './tokenizer-tables.ts'

/** Weights that a thread holds at a time. */
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
  /** In place of those of the checkpoint. */
  readonly sampling?: Manifest['sampling']
  /** Where the checkpoint came from, if not from its path. */
  readonly sourceName?: string
  readonly progress?: (weightsDone: number, weightsTotal: number) => void
}

interface PlannedTensor {
  readonly tensor: SourceTensor
  readonly entry: Tensor
}

/**
 * Pack a checkpoint, a GGUF file or a folder, into a folder of manifest and shards. The same files and options give the same bytes, however
 * many threads there are. Throws PackError.
 */
export async function packModel(path: string, folder: string, options: PackOptions): Promise<Manifest> {
  const source = await openSource(path, options.sourceName)
  try {
    const tables = buildTokenizerTables(await tokenizerOf(source))
    const planned = [...source.tensors].map(([name, tensor]) => ({ tensor, entry: planTensor(name, tensor, options) }))
    const blocks = planned.flatMap((each) => blocksOf(each, options))
    const pool = new BlockPool(source, path, blocks.length)
    try {
      const writer = await ShardWriter.create(folder)
      const tensors = await writeTensors(writer, planned, blocks, pool, options)
      const [tokenizer] = await writer.write(tables.length, tables.length, [tables])
      const sha256 = await source.sha256()
      return await writer.finish((shards) =>
        parseManifest(
          {
            format: 'nanbeige-edge',
            version: PACK_VERSION,
            name: options.name,
            license: source.license,
            source: { name: source.name, sha256 },
            config: source.config,
            tokenizer,
            tokens: source.tokens,
            chatTemplate: source.chatTemplate,
            sampling: { ...source.sampling, ...options.sampling },
            tensors,
            shards,
          } satisfies Manifest,
          options.name,
        ),
      )
    } finally {
      await pool.close()
    }
  } finally {
    await source.close()
  }
}

/** Every id that a text may turn into has to have a row of the embedding. */
async function tokenizerOf({ name, config, tokenizer }: ModelSource): Promise<TokenizerSpec> {
  const spec = await tokenizer()
  if (spec.pieces.length <= config.vocabSize) return spec
  throw new PackError(
    'metadata_invalid',
    `${name}: its tokenizer has ${spec.pieces.length} ids where the model has ${config.vocabSize}; they are of different models`,
  )
}

async function writeTensors(
  writer: ShardWriter,
  planned: readonly PlannedTensor[],
  blocks: readonly Block[],
  pool: BlockPool,
  { progress }: PackOptions,
): Promise<Tensor[]> {
  const weights = ({ shape }: { shape: readonly number[] }) => shape.reduce((product, dim) => product * dim, 1)
  const total = planned.reduce((sum, { tensor }) => sum + weights(tensor), 0)
  let done = 0
  const advance = (count: number) => {
    done += count
    progress?.(done, total)
  }
  // Through all tensors, so that no thread waits at the end of one.
  const packed = pool.pack(blocks)
  const tensors: Tensor[] = []
  for (const { tensor, entry } of planned) {
    const bytes = tensorBytes(entry)
    if (entry.kind === 'f32') {
      const values = await finiteWeights(tensor, 0, tensor.shape[0])
      tensors.push({ ...entry, spans: await writer.write(bytes, bytes, [new Uint8Array(values.buffer)]) })
      advance(weights(tensor))
    } else {
      const own = blocks.filter((block) => block.tensor === entry.name)
      const parts = (async function* () {
        for (const { rows, cols } of own) {
          yield (await packed.next()).value as Uint8Array
          advance(rows * cols)
        }
      })()
      const tile = tileBytes(entry.shape[1], planeFormat(entry))
      tensors.push({ ...entry, spans: await writer.write(bytes, tile, parts) })
    }
  }
  return tensors
}

/** The manifest entry of a tensor, its spans not yet known. */
function planTensor(name: string, tensor: SourceTensor, options: PackOptions): Tensor {
  const [rows, cols] = tensor.shape
  if (cols === undefined) return { name, kind: 'f32', shape: [rows], spans: [] }
  const asked = options.planes[tensorClass(name)]
  const imported = asked === undefined ? tensor.planes : null
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

function blocksOf({ tensor, entry }: PlannedTensor, options: PackOptions): Block[] {
  if (entry.kind === 'f32') return []
  const [rows, cols] = entry.shape
  const blockRows = Math.max(1, Math.floor(BLOCK_WEIGHTS / cols / TILE_ROWS)) * TILE_ROWS
  const rounded = options.planes[tensorClass(entry.name)] !== undefined || tensor.planes === null
  return Array.from({ length: Math.ceil(rows / blockRows) }, (_, i) => ({
    tensor: entry.name,
    firstRow: i * blockRows,
    rows: Math.min(blockRows, rows - i * blockRows),
    cols,
    planes: entry.planes,
    groupSize: entry.groupSize,
    rounded,
  }))
}

import type { CalibrationFolder } from '../quantize/calibration-folder.ts'
import { isMatrix } from '../quantize/planned-weights.ts'
import { type Manifest, PACK_VERSION, type Tensor } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { planeFormat, tensorBytes, tileBytes } from '../weights/plane-layout.ts'
import { type CalibrateOptions, calibratedTensors } from './calibrated-tensors.ts'
import { checkSource } from './check-source.ts'
import { type ChatOptions, packedChat } from './pack-chat.ts'
import { inFile } from './pack-error.ts'
import { type PlannedTensor, planTensor, type RoundingOptions } from './plan-tensor.ts'
import { BlockPool } from './planes/pool.ts'
import { readSource } from './read-source.ts'
import { plannedRotation, rotatedSource, vectorValues } from './rotated-source.ts'
import { ShardWriter } from './shard-writer.ts'
import { TensorReader } from './tensor-reader.ts'
import { buildTokenizerTables } from './tokenizer/tables.ts'

export interface PackOptions extends RoundingOptions, ChatOptions {
  /** Rotate the model first (src/quantize/rotation.ts). */
  readonly rotate?: boolean
  /** Round its matrices with error feedback, for the inputs that these texts give; the model is rotated too. */
  readonly calibrate?: CalibrateOptions
  readonly name: string
  /** In place of those of the checkpoint. */
  readonly sampling?: Manifest['sampling']
  /** Where the checkpoint came from, if not from its path. */
  readonly sourceName?: string
  readonly progress?: (weightsDone: number, weightsTotal: number) => void
}

/**
 * Pack a checkpoint, a GGUF file or a folder, into a folder of manifest and shards. The same files and options give the same bytes, however
 * many threads there are. Throws PackError, UnsupportedTokenizerError.
 */
export async function packModel(path: string, folder: string, options: PackOptions): Promise<Manifest> {
  const read = await readSource(path, options.sourceName)
  const { chatTemplate, tokens } = packedChat(read, options)
  checkSource(read, tokens)
  const rotate = options.rotate || options.calibrate !== undefined
  const source = rotate ? rotatedSource(read) : read
  const rounded = [...source.tensors].map(([name, tensor]) =>
    planTensor(name, tensor, options, rotate ? plannedRotation(name, source) : undefined),
  )
  const tables = await inFile(path, () => buildTokenizerTables(source.tokenizer))
  const reader = new TensorReader()
  let pool: BlockPool | undefined
  try {
    const fileWeights = weightsOf(read.tensors.values())
    const model = { source: { ...source, chatTemplate, tokens }, planned: rounded, fileWeights, tables, reader }
    const calibrated = options.calibrate && (await calibratedTensors(folder, model, options.calibrate))
    const planned = calibrated?.planned ?? rounded
    pool = new BlockPool(
      reader,
      planned.reduce((sum, { blocks }) => sum + blocks.length, 0),
    )
    const writer = await ShardWriter.create(folder)
    const tensors = await writeTensors(writer, planned, reader, pool, options, calibrated?.folder)
    const [tokenizer] = await writer.write(tables.length, tables.length, [tables])
    const sha256 = await source.sha256()
    const manifest = await writer.finish((shards) =>
      parseManifest(
        {
          format: 'nanbeige-edge',
          version: PACK_VERSION,
          name: options.name,
          license: source.license,
          source: { name: source.name, sha256 },
          config: source.config,
          tokenizer,
          tokens,
          chatTemplate,
          sampling: { ...source.sampling, ...options.sampling },
          tensors,
          shards,
        } satisfies Manifest,
        options.name,
      ),
    )
    await calibrated?.remove()
    return manifest
  } finally {
    await pool?.close()
    await reader.close()
  }
}

async function writeTensors(
  writer: ShardWriter,
  planned: readonly PlannedTensor[],
  reader: TensorReader,
  pool: BlockPool,
  { progress }: PackOptions,
  calibrated: CalibrationFolder | undefined,
): Promise<Tensor[]> {
  const total = weightsOf(planned.map(({ entry }) => entry))
  let done = 0
  const advance = (count: number) => {
    done += count
    progress?.(done, total)
  }
  // Through all tensors, so that no thread waits at the end of one.
  const packed = pool.pack(planned.flatMap(({ blocks }) => blocks))
  const tensors: Tensor[] = []
  for (const one of planned) {
    const { tensor, rotation, entry, blocks } = one
    const bytes = tensorBytes(entry)
    if (entry.kind === 'f32') {
      const values = await vectorValues(reader, tensor, rotation)
      tensors.push({ ...entry, spans: await writer.write(bytes, bytes, [new Uint8Array(values.buffer)]) })
      advance(weightsOf([entry]))
    } else {
      const parts = (async function* () {
        if (calibrated && isMatrix(one)) {
          yield await calibrated.read(entry.name)
          advance(weightsOf([entry]))
        }
        for (const { rows, cols } of blocks) {
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

function weightsOf(tensors: Iterable<{ readonly shape: readonly number[] }>): number {
  let total = 0
  for (const { shape } of tensors) total += shape.reduce((product, dim) => product * dim, 1)
  return total
}

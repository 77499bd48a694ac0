import { ALIGNMENT } from '../../assembly/layout.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { headParts, headTensors } from '../pipeline/stage-tensors.ts'
import { bandsOf } from '../weights/bands.ts'
import { MAX_SHARD_BYTES, type Manifest, type Tensor } from '../weights/manifest.ts'
import { planeFormat, tensorBytes, tileBytes } from '../weights/plane-layout.ts'
import { ROUTER_FOLDER, stageFolder } from './wrangler-configs.ts'

/**
 * Embedding rows are read a file at a time, since static assets do not answer range requests
 * (https://github.com/cloudflare/workers-sdk/issues/8967): small files cost little to read for one row, but there are more.
 */
export const PAGE_BYTES = 512 * 1024

/** A run of bytes of a tensor, or of the tokenizer: whole tiles of a matrix. */
export interface Piece {
  readonly source: Tensor | 'tokenizer'
  readonly offset: number
  readonly bytes: number
}

/** A shard file to be: pieces in order, each aligned, and the scripts that need it. */
export interface ShardLayout {
  readonly pieces: readonly Piece[]
  readonly folders: readonly string[]
}

/** The shards of a pipeline: each script gets the files of its own tensors and no others. Pieces of a tensor come in order. */
export function shardLayout(manifest: Manifest, plan: Plan): ShardLayout[] {
  const { tensors, config, tokenizer } = manifest
  const shards: ShardLayout[] = [
    { pieces: [{ source: 'tokenizer', offset: 0, bytes: tokenizer.bytes }], folders: [ROUTER_FOLDER] },
  ]
  plan.stages.forEach((stage, index) => {
    if (stage.kind === 'head') return
    const inStage = tensors.filter(({ name }) => {
      const layer = Number(name.match(/^layers\.(\d+)\./)?.[1] ?? -1)
      return layer >= stage.first && layer < stage.first + stage.count
    })
    for (const pieces of packed(inStage)) shards.push({ pieces, folders: [stageFolder(index)] })
  })
  const slices = headSlices(plan)
  for (const pieces of packed(headTensors(manifest)))
    shards.push({ pieces, folders: slices.map(({ folder }) => folder) })
  for (const { folder, ...rows } of slices) {
    const limit = config.tiedEmbedding ? PAGE_BYTES : MAX_SHARD_BYTES
    for (const { band, from, to } of headParts(manifest, rows)) {
      for (const piece of cut(band, from, to, limit)) {
        shards.push({ pieces: [piece], folders: config.tiedEmbedding ? [folder, ROUTER_FOLDER] : [folder] })
      }
    }
  }
  if (!config.tiedEmbedding) {
    for (const band of bandsOf(tensors, 'embedding')) {
      for (const piece of cut(band, 0, tensorBytes(band), PAGE_BYTES)) {
        shards.push({ pieces: [piece], folders: [ROUTER_FOLDER] })
      }
    }
  }
  return shards
}

function headSlices(plan: Plan) {
  return plan.stages.flatMap((stage, index) =>
    stage.kind === 'head' ? [{ folder: stageFolder(index), firstRow: stage.firstRow, rows: stage.rows }] : [],
  )
}

/** Bytes that a tensor may be split between. */
function unit(tensor: Tensor): number {
  return tensor.kind === 'planes' ? tileBytes(tensor.shape[1], planeFormat(tensor)) : tensorBytes(tensor)
}

/** Bytes `from` up to `to` of a tensor in pieces of whole units, as large as the limit lets them be but at least one unit. */
function* cut(source: Tensor, from: number, to: number, limit: number): Generator<Piece> {
  const step = Math.max(1, Math.floor(limit / unit(source))) * unit(source)
  for (let offset = from; offset < to; offset += step) {
    yield { source, offset, bytes: Math.min(step, to - offset) }
  }
}

/** Tensors one behind the other in as few shards as their order allows; one that no shard has room for is split. */
function packed(tensors: readonly Tensor[]): Piece[][] {
  const shards: Piece[][] = []
  let used = MAX_SHARD_BYTES
  for (const piece of tensors.flatMap((tensor) => [...cut(tensor, 0, tensorBytes(tensor), MAX_SHARD_BYTES)])) {
    const start = Math.ceil(used / ALIGNMENT) * ALIGNMENT
    if (start + piece.bytes > MAX_SHARD_BYTES) {
      shards.push([piece])
      used = piece.bytes
    } else {
      shards.at(-1)!.push(piece)
      used = start + piece.bytes
    }
  }
  return shards
}

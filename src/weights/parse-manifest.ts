import { z } from 'zod'
import { ALIGNMENT, HEAD_MULTIPLE, TILE_ROWS } from '../../assembly/layout.ts'
import { bandsOf } from './bands.ts'
import { MAX_SHARD_BYTES, type Manifest, manifestSchema, PACK_VERSION, type Span, type Tensor } from './manifest.ts'
import { centredZeroPoint, planeFormat, tensorBytes, tileBytes } from './plane-layout.ts'
import { tensorShapes } from './tensor-shapes.ts'
import { WeightsError, type WeightsErrorCode } from './weights-error.ts'

const REMEDY = 'run `nanbeige-edge pack` again'

/** File name of a shard: shards are named by their content. */
export const shardFileName = (sha256: string) => `${sha256.slice(0, 16)}.bin`

/**
 * A manifest that the rest of the system can rely on: right version, a complete model, every span inside its shard and of
 * the size its tensor needs. `where` names the pack in errors. Throws WeightsError.
 */
export function parseManifest(json: unknown, where: string): Manifest {
  const fail = (code: WeightsErrorCode, problem: string): never => {
    throw new WeightsError(code, `${where}: ${problem}; ${REMEDY}`)
  }
  const version = z.object({ format: z.literal('nanbeige-edge'), version: z.unknown() }).safeParse(json)
  if (!version.success) fail('manifest_invalid', 'not a nanbeige-edge manifest')
  else if (version.data.version !== PACK_VERSION) {
    fail('version_unsupported', `pack version ${version.data.version} where this reader knows ${PACK_VERSION}`)
  }
  const parsed = manifestSchema.safeParse(json)
  if (!parsed.success) return fail('manifest_invalid', z.prettifyError(parsed.error).replaceAll('\n', ' '))
  const manifest = parsed.data
  checkShards(manifest, fail)
  checkConfig(manifest, fail)
  checkTensors(manifest, fail)
  return manifest
}

type Fail = (code: WeightsErrorCode, problem: string) => never

function checkShards(manifest: Manifest, fail: Fail): void {
  const sizes = new Map<string, number>()
  for (const { file, bytes, sha256 } of manifest.shards) {
    if (file !== shardFileName(sha256)) fail('manifest_invalid', `shard ${file} is not named by its sha256`)
    if (bytes > MAX_SHARD_BYTES) fail('manifest_invalid', `shard ${file} is larger than ${MAX_SHARD_BYTES} bytes`)
    if (sizes.has(file)) fail('manifest_invalid', `shard ${file} is listed twice`)
    sizes.set(file, bytes)
  }
  const checkSpan = (owner: string, { shard, offset, bytes }: Span) => {
    const size = sizes.get(shard)
    if (size === undefined) throw fail('manifest_invalid', `${owner} is in shard ${shard}, which is not listed`)
    if (offset + bytes > size) fail('manifest_invalid', `${owner} reaches past the end of shard ${shard}`)
    if (offset % ALIGNMENT !== 0) fail('manifest_invalid', `${owner} is not aligned in shard ${shard}`)
  }
  checkSpan('tokenizer', manifest.tokenizer)
  for (const tensor of manifest.tensors) {
    for (const span of tensor.spans) checkSpan(`tensor ${tensor.name}`, span)
  }
}

function checkConfig({ config, tokens }: Manifest, fail: Fail): void {
  if (config.headCount % config.kvHeadCount !== 0) {
    fail('manifest_invalid', `${config.headCount} query heads do not share ${config.kvHeadCount} key heads evenly`)
  }
  if (config.downHadamard !== undefined && config.intermediateSize % config.downHadamard !== 0) {
    fail(
      'manifest_invalid',
      `intermediateSize ${config.intermediateSize} is not whole blocks of ${config.downHadamard}`,
    )
  }
  if (config.headDim % HEAD_MULTIPLE !== 0) {
    fail('manifest_invalid', `heads of ${config.headDim} are no multiple of ${HEAD_MULTIPLE}`)
  }
  for (const token of [...tokens.eos, tokens.bos ?? 0]) {
    if (token >= config.vocabSize) fail('manifest_invalid', `token ${token} is outside the vocabulary`)
  }
  if (tokens.addBos && tokens.bos === null) fail('manifest_invalid', 'addBos without a bos token')
}

function checkTensors({ config, tensors }: Manifest, fail: Fail): void {
  const missing = withBands(tensorShapes(config), tensors, fail)
  const seen = new Set<string>()
  for (const tensor of tensors) {
    const { name, kind, shape } = tensor
    if (seen.has(name)) fail('manifest_invalid', `tensor ${name} is listed twice`)
    seen.add(name)
    const expected = missing.get(name)
    if (expected === undefined) throw fail('tensor_unknown', `tensor ${name} is no part of this model`)
    missing.delete(name)
    if (shape.join() !== expected.join()) {
      fail('tensor_invalid', `tensor ${name} has shape (${shape.join(', ')}) where (${expected.join(', ')}) is needed`)
    }
    if (kind !== (expected.length === 1 ? 'f32' : 'planes')) fail('tensor_invalid', `tensor ${name} has kind ${kind}`)
    checkSpans(tensor, fail)
  }
  for (const name of missing.keys()) fail('tensor_missing', `tensor ${name} is missing`)
}

/** The shapes that are needed, with those of the bands in place of a matrix that is stored in some. */
function withBands(shapes: ReadonlyMap<string, readonly number[]>, tensors: readonly Tensor[], fail: Fail) {
  const needed = new Map(shapes)
  for (const matrix of ['embedding', 'head'] as const) {
    const [whole, bands] = [shapes.get(matrix), bandsOf(tensors, matrix)]
    if (whole === undefined || bands.length < 2) continue
    const rows = bands.reduce((sum, { shape }) => sum + shape[0], 0)
    if (rows !== whole[0]) {
      fail('tensor_invalid', `the bands of ${matrix} have ${rows} rows together where ${whole[0]} are needed`)
    }
    for (const [i, { name, shape }] of bands.entries()) {
      if (i < bands.length - 1 && shape[0] % TILE_ROWS !== 0) {
        fail('tensor_invalid', `tensor ${name} has ${shape[0]} rows, not whole tiles of ${TILE_ROWS}`)
      }
      needed.set(name, [shape[0], whole[1]])
    }
  }
  return needed
}

function checkSpans(tensor: Tensor, fail: Fail): void {
  const { name, spans } = tensor
  if (tensor.kind === 'planes') {
    const cols = tensor.shape[1]
    if (cols % tensor.groupSize !== 0) {
      fail('tensor_invalid', `tensor ${name} has ${cols} columns, not whole groups of ${tensor.groupSize}`)
    }
    if (tensor.scales === 'steps' && tensor.zeroPoint !== centredZeroPoint(tensor.planes)) {
      fail('tensor_invalid', `tensor ${name} has steps and levels that do not lie about zero`)
    }
    const tile = tileBytes(cols, planeFormat(tensor))
    if (spans.some(({ bytes }) => bytes % tile !== 0)) fail('tensor_invalid', `tensor ${name} is split inside a tile`)
  }
  const held = spans.reduce((sum, { bytes }) => sum + bytes, 0)
  const needed = tensorBytes(tensor)
  if (held !== needed) fail('tensor_invalid', `tensor ${name} has ${held} bytes where ${needed} are needed`)
}

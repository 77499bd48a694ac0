// A pack of Nanbeige4-3B's geometry, tokenizer and template with random weights:
//
//   npx node bench/full/random-pack.ts 2       makes it (or finds it) and prints its folder
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SCALE_BYTES, TILE_ROWS } from '../../assembly/layout.ts'
import { ShardWriter } from '../../src/pack/shard-writer.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { type Manifest, PACK_VERSION, type PlanesTensor, type Tensor } from '../../src/weights/manifest.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { blockBytes, indexBytes, planeFormat, tensorBytes, tileBytes } from '../../src/weights/plane-layout.ts'
import { tensorShapes } from '../../src/weights/tensor-shapes.ts'
import { MANIFEST_FILE } from '../../src/weights/weight-store.ts'
import { nanbeigeTables, nanbeigeTemplateText } from '../../test/support/nanbeige.ts'
import { CACHE } from './cache.ts'
import { GROUP_SIZE, nanbeige, nanbeigeTokens, type PlaneCount, planeCounts } from './geometry.ts'
import { RandomBytes } from './random-bytes.ts'
import { halfHighByte } from './random-half.ts'

/** Every matrix at `planes` planes, groups of 128, no minimums. Returns the folder; an earlier pack there is taken as it is. */
export async function randomPack(planes: PlaneCount): Promise<string> {
  const name = `nanbeige4-3b-random-${planes}`
  const folder = join(CACHE, name)
  if (existsSync(join(folder, MANIFEST_FILE))) {
    const stored = await folderStore(folder).manifest()
    if ((stored as Manifest).version === PACK_VERSION) return folder
  }
  const random = new RandomBytes(planes)
  const writer = await ShardWriter.create(folder)
  const tensors: Tensor[] = []
  for (const [tensorName, shape] of tensorShapes(nanbeige)) {
    const tensor = describe(tensorName, shape, planes)
    const bytes = tensorBytes(tensor)
    const spans =
      tensor.kind === 'f32'
        ? await writer.write(bytes, bytes, [new Uint8Array(new Float32Array(shape[0]).fill(1).buffer)])
        : await writer.write(bytes, tileBytes(tensor.shape[1], planeFormat(tensor)), matrixParts(tensor, random))
    tensors.push({ ...tensor, spans })
  }
  const tables = nanbeigeTables()
  const [tokenizer] = await writer.write(tables.length, tables.length, [tables])
  await writer.finish((shards) =>
    parseManifest(
      {
        format: 'nanbeige-edge',
        version: PACK_VERSION,
        name,
        license: null,
        source: { name: `random weights, ${planes} planes`, sha256: null },
        config: nanbeige,
        tokenizer,
        tokens: nanbeigeTokens,
        chatTemplate: nanbeigeTemplateText(),
        sampling: { temperature: 0.6, topP: 0.95 },
        tensors,
        shards,
      } satisfies Manifest,
      name,
    ),
  )
  return folder
}

function describe(name: string, shape: readonly number[], planes: number): Tensor {
  if (shape.length === 1) return { name, kind: 'f32', shape: [shape[0]], spans: [] }
  return {
    name,
    kind: 'planes',
    shape: [shape[0], shape[1]],
    planes,
    groupSize: GROUP_SIZE,
    zeroPoint: -(2 ** planes - 1) / 2,
    spans: [],
  }
}

/** Random indexes are uniform weights about zero; the scales give them a variance of about 1 / columns (embedding: 1). */
function* matrixParts(tensor: PlanesTensor, random: RandomBytes): Generator<Uint8Array> {
  const format = planeFormat(tensor)
  const deviation = Math.sqrt((4 ** tensor.planes - 1) / 12)
  const variance = tensor.name === 'embedding' ? 1 : 1 / tensor.shape[1]
  const high = halfHighByte(Math.sqrt(variance) / deviation)
  const [block, scales] = [blockBytes(format), indexBytes(tensor.planes, tensor.groupSize)]
  for (const part of random.parts(tensorBytes(tensor), tileBytes(tensor.shape[1], format))) {
    for (let at = scales; at < part.length; at += block) {
      for (let row = 0; row < TILE_ROWS; row++) part[at + row * SCALE_BYTES + 1] = high
    }
    yield part
  }
}

if (import.meta.main) {
  const planes = planeCounts.find((count) => String(count) === process.argv[2])
  if (planes === undefined) throw new RangeError(`say how many planes: ${planeCounts.join(', ')}`)
  console.log(await randomPack(planes))
}

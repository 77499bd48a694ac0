// A split GGUF of Nanbeige4-3B's geometry with random weights, for the peers:
//
//   npx node bench/full/random-gguf.ts Q2_K       makes it (or finds it) and prints its first file
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { buildGgufHeader, GGMLQuantizationType } from '@huggingface/gguf'
import { ggufName } from '../../src/pack/gguf/tensors.ts'
import { tensorShapes } from '../../src/weights/tensor-shapes.ts'
import { CACHE } from './cache.ts'
import { nanbeige } from './geometry.ts'
import { type RandomBlocks, randomBlocks, validateBlocks } from './gguf-blocks.ts'
import { splitMetadata } from './gguf-metadata.ts'
import { RandomBytes } from './random-bytes.ts'

export const ggufTypeNames = ['Q2_K', 'Q4_0'] as const
export type GgufTypeName = (typeof ggufTypeNames)[number]

/** A browser holds no file of 2 GB in one piece. */
const MAX_FILE_BYTES = 2 ** 30
const ALIGNMENT = 32

interface GgufTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** null: a vector of float32 ones. */
  readonly blocks: RandomBlocks | null
  readonly bytes: number
}

/**
 * All matrices of one type, as `llama-quantize --pure` makes them, but the head at Q6_K, as llama.cpp's presets have it.
 * Returns the first file; an earlier one there is taken as it is.
 */
export async function randomGguf(type: GgufTypeName): Promise<string> {
  const name = `nanbeige4-3b-random-${type}`
  const files = splitTensors(type)
  const path = (index: number) =>
    join(CACHE, `${name}-${String(index + 1).padStart(5, '0')}-of-${String(files.length).padStart(5, '0')}.gguf`)
  await mkdir(CACHE, { recursive: true })
  const random = new RandomBytes(ggufTypeNames.indexOf(type))
  const allTensors = files.reduce((sum, tensors) => sum + tensors.length, 0)
  // The first file last: where it is, all are.
  for (const [index, tensors] of [...files.entries()].reverse()) {
    if (existsSync(path(0))) break
    const split = { index, count: files.length, tensors: tensors.length, allTensors }
    const handle = await open(`${path(index)}.part`, 'w')
    try {
      const header = await buildGgufHeader(...headerParts(name, split, tensors))
      await handle.writeFile(new Uint8Array(await header.arrayBuffer()))
      for (const tensor of tensors) await writeTensor(handle, tensor, random)
    } finally {
      await handle.close()
    }
    await rename(`${path(index)}.part`, path(index))
  }
  return path(0)
}

/** Bytes of the weights that are read for a token: all but the embedding. */
export function ggufBytesPerToken(type: GgufTypeName): number {
  const read = splitTensors(type)
    .flat()
    .filter(({ name }) => name !== 'token_embd.weight')
  return read.reduce((sum, { bytes }) => sum + bytes, 0)
}

function splitTensors(type: GgufTypeName): GgufTensor[][] {
  const files: GgufTensor[][] = [[]]
  let used = 0
  for (const [name, shape] of tensorShapes(nanbeige)) {
    const blocks = shape.length === 1 ? null : randomBlocks[name === 'head' ? 'Q6_K' : type]
    const weights = shape.reduce((product, dim) => product * dim, 1)
    const bytes = blocks === null ? weights * 4 : (weights / blocks.blockSize) * blocks.blockBytes
    if (used + bytes > MAX_FILE_BYTES) {
      files.push([])
      used = 0
    }
    used += bytes + padding(bytes)
    files[files.length - 1].push({ name: ggufName(name), shape, blocks, bytes })
  }
  return files
}

const padding = (bytes: number) => (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT

/** The arguments of buildGgufHeader: it takes the descriptions of the tensors as bytes. */
function headerParts(name: string, split: Parameters<typeof splitMetadata>[1], tensors: readonly GgufTensor[]) {
  const infos = new Blob(tensorInfos(tensors))
  const range: [number, number] = [0, infos.size]
  const metadata = splitMetadata(name, split)
  return [infos, metadata, { littleEndian: true, tensorInfoByteRange: range, alignment: ALIGNMENT }] as const
}

/** Name, dimensions (innermost first), type and offset of each (ggml's docs/gguf.md). */
function tensorInfos(tensors: readonly GgufTensor[]): Uint8Array<ArrayBuffer>[] {
  let offset = 0
  return tensors.map(({ name, shape, blocks, bytes }) => {
    const text = new TextEncoder().encode(name)
    const info = new Uint8Array(8 + text.length + 4 + 8 * shape.length + 4 + 8)
    const view = new DataView(info.buffer)
    view.setBigUint64(0, BigInt(text.length), true)
    info.set(text, 8)
    let at = 8 + text.length
    view.setUint32(at, shape.length, true)
    at += 4
    for (const dim of shape.toReversed()) {
      view.setBigUint64(at, BigInt(dim), true)
      at += 8
    }
    view.setUint32(at, blocks?.type ?? GGMLQuantizationType.F32, true)
    view.setBigUint64(at + 4, BigInt(offset), true)
    offset += bytes + padding(bytes)
    return info
  })
}

async function writeTensor(handle: FileHandle, { name, shape, blocks, bytes }: GgufTensor, random: RandomBytes) {
  if (blocks === null) await handle.writeFile(new Float32Array(shape[0]).fill(1))
  else {
    const variance = name === 'token_embd.weight' ? 1 : 1 / shape[1]
    for (const part of random.parts(bytes, blocks.blockBytes)) {
      validateBlocks(part, blocks, variance)
      await handle.writeFile(part)
    }
  }
  await handle.writeFile(new Uint8Array(padding(bytes)))
}

if (import.meta.main) {
  const type = ggufTypeNames.find((name) => name === process.argv[2])
  if (type === undefined) throw new RangeError(`say which type: ${ggufTypeNames.join(', ')}`)
  console.log(await randomGguf(type))
}

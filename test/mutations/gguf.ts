import type { Random } from '../../src/generate/random.ts'
import { integer } from '../kernels/random-values.ts'
import { ggufBytes, tinyMetadata, tinyTensors } from '../support/tiny-gguf.ts'
import { damagedBytes, pick } from './damage.ts'

const TYPES = ['Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0'] as const
const ALIGNMENT = 32
const FIXED_BYTES = 24

/** Numbers at which readers go wrong. */
const EDGES = [
  0n,
  1n,
  2n,
  7n,
  31n,
  33n,
  255n,
  2n ** 16n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
]

interface File {
  readonly bytes: Buffer
  /** Where the header ends, before the padding. */
  readonly headerEnd: number
  readonly tensors: readonly string[]
}

/** A tiny model as a GGUF file with something wrong, or unusual, in it. */
export function mutatedGguf(random: Random): Uint8Array {
  const tensors = tinyTensors(pick(random, TYPES))
  const bytes = Buffer.from(ggufBytes(tinyMetadata, tensors))
  const { name, shape } = tensors[tensors.length - 1]
  const last = infoOf(bytes, name)
  const file = { bytes, headerEnd: last + 4 + 8 * shape.length + 12, tensors: tensors.map((tensor) => tensor.name) }
  return pick(random, MUTATIONS)(file, random)
}

const MUTATIONS: readonly ((file: File, random: Random) => Uint8Array)[] = [
  ({ bytes, headerEnd }, random) => damagedBytes(bytes, random, headerEnd),
  ({ bytes }, random) => damagedBytes(bytes, random, bytes.length),
  ({ bytes, headerEnd }, random) => {
    bytes.writeBigUInt64LE(pick(random, EDGES), integer(random, 4, headerEnd - 8))
    return bytes
  },
  // The counts.
  ({ bytes }, random) => {
    bytes.writeBigUInt64LE(pick(random, EDGES), pick(random, [8, 16]))
    return bytes
  },
  // A metadata key more: of a name that is there already, or one that changes how the file is read.
  (file, random) => {
    const key = pick(random, [
      'general.alignment',
      'llama.rope.freq_base',
      'llama.block_count',
      'tokenizer.chat_template',
      'llama.rope.scaling.type',
      'llama.rope.scaling.factor',
      'unknown',
    ])
    return withKey(file, key, pick(random, [0, 1, 4, 6, 7, 8]), pick(random, EDGES))
  },
  // Numbers of metadata, wherever they stand.
  ({ bytes }, random) => {
    const key = pick(
      random,
      Object.keys(tinyMetadata).filter((name) => typeof tinyMetadata[name] === 'number'),
    )
    const at = bytes.indexOf(key) + key.length
    if (random() < 0.3) bytes.writeUInt32LE(integer(random, 0, 13), at)
    else bytes.writeUInt32LE(Number(pick(random, EDGES) & 0xffffffffn), at + 4)
    return bytes
  },
  // The place, a dimension, the number of dimensions or the type of a tensor.
  ({ bytes, tensors }, random) => {
    const info = infoOf(bytes, pick(random, tensors))
    const dims = bytes.readUInt32LE(info)
    const [type, offset] = [info + 4 + 8 * dims, info + 8 + 8 * dims]
    const place = bytes.readBigUInt64LE(offset)
    pick(random, [
      () => bytes.writeBigUInt64LE(place + pick(random, [1n, 4n, 32n, 64n, 1024n]), offset),
      () => bytes.writeBigUInt64LE(pick(random, EDGES), offset),
      () => bytes.writeBigUInt64LE(pick(random, EDGES), info + 4 + 8 * integer(random, 0, dims - 1)),
      () => bytes.writeUInt32LE(integer(random, 0, 5), info),
      () => bytes.writeUInt32LE(integer(random, 0, 40), type),
    ])()
    return bytes
  },
  // Two tensors that change their names, their places, or a name that stands twice.
  ({ bytes, tensors }, random) => {
    const infos = [pick(random, tensors), pick(random, tensors)].map((name) => ({ name, info: infoOf(bytes, name) }))
    const [a, b] = infos
    const place = ({ info }: (typeof infos)[number]) => info + 8 + 8 * bytes.readUInt32LE(info)
    const rename = (to: { info: number; name: string }, name: string) => {
      if (name.length === to.name.length) bytes.write(name, to.info - name.length)
    }
    pick(random, [
      () => {
        const [placeOfA, placeOfB] = [bytes.readBigUInt64LE(place(a)), bytes.readBigUInt64LE(place(b))]
        bytes.writeBigUInt64LE(placeOfB, place(a))
        bytes.writeBigUInt64LE(placeOfA, place(b))
      },
      () => {
        rename(a, b.name)
        rename(b, a.name)
      },
      () => rename(a, b.name),
      () => bytes.write('x', a.info - 1),
    ])()
    return bytes
  },
  ({ bytes, headerEnd }, random) => bytes.subarray(0, integer(random, 0, headerEnd)),
  ({ bytes }, random) => bytes.subarray(0, integer(random, 0, bytes.length)),
]

/** Position behind the name of a tensor in its entry: its number of dimensions, these, its type and its place follow. */
function infoOf(bytes: Buffer, name: string): number {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(name.length))
  return bytes.indexOf(Buffer.concat([length, Buffer.from(name)])) + 8 + name.length
}

/** A key of metadata before the others; the data stays aligned. */
function withKey({ bytes, headerEnd }: File, key: string, type: number, value: bigint): Uint8Array {
  const entry = Buffer.alloc(8 + key.length + 12)
  entry.writeBigUInt64LE(BigInt(key.length))
  entry.write(key, 8)
  entry.writeUInt32LE(type, 8 + key.length)
  entry.writeBigUInt64LE(type === 8 ? 4n : value & (2n ** 64n - 1n), 12 + key.length)
  const size = [1, 1, 2, 2, 4, 4, 4, 1, 8][type]
  const text = type === 8 ? Buffer.from('none') : Buffer.alloc(0)
  const start = Buffer.from(bytes.subarray(0, FIXED_BYTES))
  start.writeBigUInt64LE(start.readBigUInt64LE(16) + 1n, 16)
  const header = Buffer.concat([
    start,
    entry.subarray(0, 12 + key.length + size),
    text,
    bytes.subarray(FIXED_BYTES, headerEnd),
  ])
  const pad = (length: number) => Math.ceil(length / ALIGNMENT) * ALIGNMENT
  return Buffer.concat([header, Buffer.alloc(pad(header.length) - header.length), bytes.subarray(pad(headerEnd))])
}

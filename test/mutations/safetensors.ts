import type { Random } from '../../src/generate/random.ts'
import { integer } from '../kernels/random-values.ts'
import { safetensorsBytes } from '../support/safetensors.ts'
import { tinyCheckpointTensors } from '../support/tiny-checkpoint.ts'
import { damagedBytes, mutatedJson, pick } from './damage.ts'

const TENSORS = tinyCheckpointTensors()
const LENGTH_BYTES = 8
const LENGTHS = [0n, 1n, 7n, 100_000_001n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]

/** The tiny checkpoint's weights with something wrong, or unusual, in them. */
export function mutatedSafetensors(random: Random): Uint8Array {
  const bytes = Buffer.from(safetensorsBytes(TENSORS))
  const dataStart = LENGTH_BYTES + Number(bytes.readBigUInt64LE())
  return pick(random, MUTATIONS)(bytes, dataStart, random)
}

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>

const MUTATIONS: readonly ((bytes: Buffer, dataStart: number, random: Random) => Uint8Array)[] = [
  (bytes, dataStart, random) => damagedBytes(bytes, random, dataStart),
  (bytes, dataStart, random) => damagedBytes(bytes, random, dataStart),
  (bytes, _, random) => damagedBytes(bytes, random, bytes.length),
  (bytes, _, random) => bytes.subarray(0, integer(random, 0, bytes.length)),
  (bytes, dataStart, random) => bytes.subarray(0, integer(random, 0, dataStart)),
  (bytes, _, random) => {
    bytes.writeBigUInt64LE(pick(random, LENGTHS))
    return bytes
  },
  (bytes, _, random) => Buffer.concat([bytes, Buffer.alloc(integer(random, 1, 100))]),
  // Any value of the header.
  (bytes, dataStart, random) => withHeader(bytes, dataStart, (header) => mutatedJson(header, random)),
  (bytes, dataStart, random) => withHeader(bytes, dataStart, (header) => mutatedJson(header, random)),
  // Two entries that exchange their places, shapes or types, or a place that moves.
  (bytes, dataStart, random) =>
    withHeader(bytes, dataStart, (header) => {
      const [a, b] = [pick(random, Object.keys(TENSORS)), pick(random, Object.keys(TENSORS))].map(
        (name) => header[name],
      )
      const field = pick(random, ['dtype', 'shape', 'data_offsets'] as const)
      if (random() < 0.5) Object.assign(a, { [field]: b[field] })
      else a.data_offsets = a.data_offsets.map((at) => at + pick(random, [-64, -2, 2, 64])) as [number, number]
      return JSON.stringify(header)
    }),
  // A name twice, and a type of the same size.
  (bytes, dataStart, random) =>
    withHeader(bytes, dataStart, (header) => {
      const name = pick(random, Object.keys(TENSORS))
      const entry = { ...header[name], dtype: pick(random, ['BF16', 'F16', 'I16', 'F32']) }
      const text = JSON.stringify(header)
      return random() < 0.5
        ? JSON.stringify({ ...header, [name]: entry })
        : `{${JSON.stringify(name)}:${JSON.stringify(entry)},${text.slice(1)}`
    }),
]

function withHeader(bytes: Buffer, dataStart: number, change: (header: Header) => string): Uint8Array {
  const json = Buffer.from(change(JSON.parse(bytes.toString('utf8', LENGTH_BYTES, dataStart))))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, bytes.subarray(dataStart)])
}

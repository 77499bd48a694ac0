import { type FileHandle, open } from 'node:fs/promises'
import { z } from 'zod'
import { PackError } from './pack-error.ts'

/** https://huggingface.co/docs/safetensors: the length of the header (u64), the header (JSON), the data. */
const LENGTH_BYTES = 8
/** The limit that the format sets. */
const MAX_HEADER_BYTES = 100_000_000

const BYTES = { F32: 4, F16: 2, BF16: 2 } as const
type Dtype = keyof typeof BYTES

const count = z.int().nonnegative()
const tensorInfo = z.object({ dtype: z.string(), shape: z.array(count), data_offsets: z.tuple([count, count]) })
const header = z.record(z.string(), tensorInfo)

export interface SafetensorsTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: Dtype
  /** Position in the file, in bytes. */
  readonly offset: number
}

/** An open file of float tensors. */
export class SafetensorsFile {
  readonly path: string
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>
  readonly #handle: FileHandle

  constructor(path: string, handle: FileHandle, tensors: ReadonlyMap<string, SafetensorsTensor>) {
    this.path = path
    this.#handle = handle
    this.tensors = tensors
  }

  /** Stored bytes of weights `first` up to `first + count` of a tensor. */
  async read({ name, dtype, offset }: SafetensorsTensor, first: number, count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count * BYTES[dtype])
    let done = 0
    while (done < bytes.length) {
      const position = offset + first * BYTES[dtype] + done
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, position)
      if (bytesRead === 0) throw truncated(this.path, `tensor ${name}`)
      done += bytesRead
    }
    return bytes
  }

  async readWeights(tensor: SafetensorsTensor, first: number, count: number): Promise<Float32Array> {
    const { buffer } = await this.read(tensor, first, count)
    switch (tensor.dtype) {
      case 'F32':
        return new Float32Array(buffer)
      case 'F16':
        return new Float32Array(new Float16Array(buffer as ArrayBuffer))
      case 'BF16': {
        // The upper half of a float32. A loop: `from` takes a hundred times longer.
        const halves = new Uint16Array(buffer)
        const words = new Uint32Array(count)
        for (let i = 0; i < count; i++) words[i] = halves[i] << 16
        return new Float32Array(words.buffer)
      }
    }
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

/** Open a file and check that all its tensors can be read. Throws PackError. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await open(path).catch((error) => {
    throw new PackError('file_missing', `${path}: cannot be opened (${error.message})`)
  })
  try {
    const { size } = await handle.stat()
    const prefix = Buffer.alloc(LENGTH_BYTES)
    await handle.read(prefix, 0, LENGTH_BYTES, 0)
    const length = Number(prefix.readBigUInt64LE())
    if (size < LENGTH_BYTES || length > MAX_HEADER_BYTES) throw damaged(path, 'no safetensors header')
    if (LENGTH_BYTES + length > size) throw truncated(path, 'its header')
    const text = Buffer.alloc(length)
    await handle.read(text, 0, length, LENGTH_BYTES)
    return new SafetensorsFile(path, handle, tensorsOf(path, text.toString(), LENGTH_BYTES + length, size))
  } catch (error) {
    await handle.close()
    throw error
  }
}

function tensorsOf(path: string, json: string, dataStart: number, size: number): Map<string, SafetensorsTensor> {
  let parsed: z.infer<typeof header>
  try {
    const { __metadata__, ...infos } = JSON.parse(json)
    parsed = header.parse(infos)
  } catch {
    throw damaged(path, 'its header does not list tensors')
  }
  const tensors = new Map<string, SafetensorsTensor>()
  let end = 0
  const inOrder = Object.entries(parsed).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0])
  for (const [name, { dtype, shape, data_offsets }] of inOrder) {
    if (!(dtype in BYTES)) {
      throw new PackError(
        'tensor_type_unsupported',
        `${path}: tensor ${name} is ${dtype}; known types are ${Object.keys(BYTES).join(', ')}: use the release that is not quantized`,
      )
    }
    const bytes = shape.reduce((product, dim) => product * dim, 1) * BYTES[dtype as Dtype]
    const [from, to] = data_offsets
    if (to - from !== bytes) throw damaged(path, `tensor ${name} has ${to - from} bytes where its shape takes ${bytes}`)
    if (from < end) throw damaged(path, `tensor ${name} overlaps another`)
    if (dataStart + to > size) throw truncated(path, `tensor ${name}`)
    end = to
    tensors.set(name, { name, shape, dtype: dtype as Dtype, offset: dataStart + from })
  }
  return tensors
}

function damaged(path: string, how: string): PackError {
  return new PackError('checkpoint_damaged', `${path}: ${how}; download it again`)
}

function truncated(path: string, what: string): PackError {
  return new PackError('file_truncated', `${path}: the file ends before ${what} does; download it again`)
}

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { type GGUFParseOutput, gguf } from '@huggingface/gguf'
import type { GgufBlockType } from './gguf-block-type.ts'
import { ggufType, ggufTypeName, ggufTypeNames } from './gguf-types.ts'
import { PackError } from './pack-error.ts'

/** Values as the parser gives them: 64-bit integers are bigints. */
export type GgufMetadata = Readonly<Record<string, unknown>>

export interface GgufTensor {
  readonly name: string
  /** (size) or (rows, columns): the reverse of the order in the file. */
  readonly shape: readonly number[]
  readonly type: GgufBlockType
  /** Position in the file, in bytes. */
  readonly offset: number
}

/** An open GGUF file. */
export class GgufFile {
  readonly path: string
  readonly metadata: GgufMetadata
  readonly tensors: ReadonlyMap<string, GgufTensor>
  readonly #handle: FileHandle

  constructor(path: string, handle: FileHandle, metadata: GgufMetadata, tensors: ReadonlyMap<string, GgufTensor>) {
    this.path = path
    this.#handle = handle
    this.metadata = metadata
    this.tensors = tensors
  }

  /** Stored bytes of weights `first` up to `first + count` of a tensor, both whole blocks. */
  async read(tensor: GgufTensor, first: number, count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(storedBytes(tensor.type, count))
    let done = 0
    while (done < bytes.length) {
      const position = tensor.offset + storedBytes(tensor.type, first) + done
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, position)
      if (bytesRead === 0) throw truncated(this.path, tensor.name)
      done += bytesRead
    }
    return bytes
  }

  /** sha256 of the whole file in hex. */
  async sha256(): Promise<string> {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(this.path, { highWaterMark: 1 << 20 })) hash.update(chunk)
    return hash.digest('hex')
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

/** Open a GGUF file and check that all its tensors can be read. Throws PackError. */
export async function openGguf(path: string): Promise<GgufFile> {
  const handle = await open(path).catch((error) => {
    throw new PackError('file_missing', `${path}: cannot be opened (${error.message})`)
  })
  try {
    await checkMagic(handle, path)
    const parsed = await gguf(path, { allowLocalFile: true }).catch((error) => {
      throw new PackError('not_gguf', `${path}: damaged or truncated GGUF header (${error.message}); download it again`)
    })
    if (!parsed.littleEndian) {
      throw new PackError('not_gguf', `${path}: a big-endian GGUF; convert the model again for little-endian machines`)
    }
    const { size } = await handle.stat()
    return new GgufFile(path, handle, parsed.metadata as unknown as GgufMetadata, tensorsOf(path, parsed, size))
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function checkMagic(handle: FileHandle, path: string): Promise<void> {
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0)
  if (buffer.toString('latin1') !== 'GGUF') throw new PackError('not_gguf', `${path}: not a GGUF file`)
}

function tensorsOf(path: string, parsed: GGUFParseOutput, size: number): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>()
  for (const info of parsed.tensorInfos) {
    const type = ggufType(ggufTypeName(info.dtype))
    if (type === undefined) {
      throw new PackError(
        'tensor_type_unsupported',
        `${basename(path)}: tensor ${info.name} is ${ggufTypeName(info.dtype)}; known types are ${ggufTypeNames.join(', ')}`,
      )
    }
    const shape = info.shape.map(Number).reverse()
    const weights = shape.reduce((product, dim) => product * dim, 1)
    const tensor = { name: info.name, shape, type, offset: Number(parsed.tensorDataOffset + info.offset) }
    if (shape[shape.length - 1] % type.blockSize !== 0) {
      throw new PackError('not_gguf', `${path}: rows of tensor ${info.name} are not whole ${type.name} blocks`)
    }
    if (tensor.offset + storedBytes(type, weights) > size) throw truncated(path, info.name)
    tensors.set(info.name, tensor)
  }
  return tensors
}

function storedBytes(type: GgufBlockType, weights: number): number {
  return (weights / type.blockSize) * type.blockBytes
}

function truncated(path: string, tensor: string): PackError {
  return new PackError('file_truncated', `${path}: the file ends before tensor ${tensor} does; download it again`)
}

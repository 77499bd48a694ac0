import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { type GGUFParseOutput, gguf } from '@huggingface/gguf'
import { storedBytes } from './gguf-block-type.ts'
import { ggufType, ggufTypeName, ggufTypeNames } from './gguf-types.ts'
import type { SourceTensor } from './model-source.ts'
import { fileTruncated, openFile } from './open-file.ts'
import { PackError } from './pack-error.ts'

/** Values as the parser gives them: 64-bit integers are bigints. */
export type GgufMetadata = Readonly<Record<string, unknown>>

/** What the header of a GGUF file says. */
export interface GgufFile {
  readonly path: string
  readonly metadata: GgufMetadata
  /** By their names in the file. */
  readonly tensors: ReadonlyMap<string, SourceTensor>
}

/** Read the header of a GGUF file and check that all its tensors are there. Throws PackError. */
export async function readGguf(path: string): Promise<GgufFile> {
  const handle = await openFile(path)
  try {
    await checkMagic(handle, path)
    const parsed = await gguf(path, { allowLocalFile: true }).catch((error) => {
      throw new PackError('not_gguf', `${path}: damaged or truncated GGUF header (${error.message}); download it again`)
    })
    if (!parsed.littleEndian) {
      throw new PackError('not_gguf', `${path}: a big-endian GGUF; convert the model again for little-endian machines`)
    }
    const { size } = await handle.stat()
    return { path, metadata: parsed.metadata as unknown as GgufMetadata, tensors: tensorsOf(path, parsed, size) }
  } finally {
    await handle.close()
  }
}

/** sha256 of a whole file in hex. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}

async function checkMagic(handle: FileHandle, path: string): Promise<void> {
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0)
  if (buffer.toString('latin1') !== 'GGUF') throw new PackError('not_gguf', `${path}: not a GGUF file`)
}

function tensorsOf(path: string, parsed: GGUFParseOutput, size: number): Map<string, SourceTensor> {
  const tensors = new Map<string, SourceTensor>()
  for (const info of parsed.tensorInfos) {
    const type = ggufType(ggufTypeName(info.dtype))
    if (type === undefined) {
      throw new PackError(
        'tensor_type_unsupported',
        `${basename(path)}: tensor ${info.name} is ${ggufTypeName(info.dtype)}; known types are ${ggufTypeNames.join(', ')}`,
      )
    }
    // The file lists columns first.
    const shape = info.shape.map(Number).reverse()
    const weights = shape.reduce((product, dim) => product * dim, 1)
    const offset = Number(parsed.tensorDataOffset + info.offset)
    if (shape[shape.length - 1] % type.blockSize !== 0) {
      throw new PackError('not_gguf', `${path}: rows of tensor ${info.name} are not whole ${type.name} blocks`)
    }
    if (offset + storedBytes(type, weights) > size) throw fileTruncated(path, `tensor ${info.name}`)
    tensors.set(info.name, { name: info.name, shape, type: type.name, path, offset })
  }
  return tensors
}

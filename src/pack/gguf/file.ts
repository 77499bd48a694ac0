import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { type GGUFTensorInfo, gguf } from '@huggingface/gguf'
import type { SourceTensor } from '../model-source.ts'
import { fileTruncated, openFile } from '../open-file.ts'
import { PackError } from '../pack-error.ts'
import { storedBytes } from '../tensor-types/block-type.ts'
import { ggufType, ggufTypeName, ggufTypeNames } from '../tensor-types/types.ts'
import { checkHeader, checkStart, damagedGguf } from './header.ts'

/** Values as the parser gives them: 64-bit integers are bigints. */
export type GgufMetadata = Readonly<Record<string, unknown>>

/** What the header of a GGUF file says. */
export interface GgufFile {
  readonly path: string
  readonly metadata: GgufMetadata
  /** By their names in the file. */
  readonly tensors: ReadonlyMap<string, SourceTensor>
}

/** Read the header of a GGUF file and check that all its tensors are there, where llama.cpp would read them. Throws PackError. */
export async function readGguf(path: string): Promise<GgufFile> {
  const handle = await openFile(path)
  try {
    const { size } = await handle.stat()
    await checkStart(handle, path, size)
    const parsed = await gguf(path, { allowLocalFile: true, typedMetadata: true }).catch((error) => {
      throw damagedGguf(path, `damaged or truncated GGUF header (${error.message})`)
    })
    const data = await checkHeader(handle, path, size, parsed)
    const tensors = tensorsOf(path, parsed.tensorInfos, { ...data, size })
    return { path, metadata: parsed.metadata as unknown as GgufMetadata, tensors }
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

/** As gguf.cpp of llama.cpp wants them: one after the other in the order of the header, each aligned, none twice. */
function tensorsOf(
  path: string,
  infos: readonly GGUFTensorInfo[],
  { dataStart, alignment, size }: { dataStart: number; alignment: number; size: number },
): Map<string, SourceTensor> {
  const tensors = new Map<string, SourceTensor>()
  let place = 0
  for (const info of infos) {
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
    if (shape[shape.length - 1] % type.blockSize !== 0) {
      throw damagedGguf(path, `rows of tensor ${info.name} are not whole ${type.name} blocks`)
    }
    if (tensors.has(info.name)) throw damagedGguf(path, `tensor ${info.name} is listed twice`)
    if (info.offset !== BigInt(place)) {
      throw damagedGguf(path, `tensor ${info.name} starts at ${info.offset} where ${place} is its place`)
    }
    const offset = dataStart + place
    const bytes = storedBytes(type, weights)
    if (offset + bytes > size) throw fileTruncated(path, `tensor ${info.name}`)
    place += Math.ceil(bytes / alignment) * alignment
    tensors.set(info.name, { name: info.name, shape, type: type.name, path, offset })
  }
  return tensors
}

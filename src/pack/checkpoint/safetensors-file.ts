import { z } from 'zod'
import type { SourceTensor } from '../model-source.ts'
import { fileTruncated, openFile } from '../open-file.ts'
import { PackError } from '../pack-error.ts'
import { storedBytes } from '../tensor-types/block-type.ts'
import { ggufType } from '../tensor-types/types.ts'

/** https://huggingface.co/docs/safetensors: the length of the header (u64), the header (JSON), the data. */
const LENGTH_BYTES = 8
/** The limit that the format sets. */
const MAX_HEADER_BYTES = 100_000_000

const TYPES = ['F32', 'F16', 'BF16']

const count = z.int().nonnegative()
const tensorInfo = z.object({ dtype: z.string(), shape: z.array(count), data_offsets: z.tuple([count, count]) })
const header = z.record(z.string(), tensorInfo)
const metadata = z.record(z.string(), z.string()).optional()

/** The tensors of a file by their names. Throws PackError unless all of them are there, and floats. */
export async function readSafetensors(path: string): Promise<Map<string, SourceTensor>> {
  const handle = await openFile(path)
  try {
    const { size } = await handle.stat()
    const prefix = Buffer.alloc(LENGTH_BYTES)
    await handle.read(prefix, 0, LENGTH_BYTES, 0)
    const length = Number(prefix.readBigUInt64LE())
    if (size < LENGTH_BYTES || length > MAX_HEADER_BYTES) throw damaged(path, 'no safetensors header')
    if (LENGTH_BYTES + length > size) throw fileTruncated(path, 'its header')
    const text = Buffer.alloc(length)
    await handle.read(text, 0, length, LENGTH_BYTES)
    return tensorsOf(path, text, LENGTH_BYTES + length, size)
  } finally {
    await handle.close()
  }
}

/** The data is covered by tensors without gaps and overlaps, as the format demands: so no entry got lost or was changed alone. */
function tensorsOf(path: string, json: Uint8Array, dataStart: number, size: number): Map<string, SourceTensor> {
  let parsed: z.infer<typeof header>
  try {
    const { __metadata__, ...infos } = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json),
    )
    metadata.parse(__metadata__)
    parsed = header.parse(infos)
  } catch {
    throw damaged(path, 'its header does not list tensors')
  }
  const tensors = new Map<string, SourceTensor>()
  let end = 0
  const inOrder = Object.entries(parsed).sort(
    ([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1],
  )
  for (const [name, { dtype, shape, data_offsets }] of inOrder) {
    const type = TYPES.includes(dtype) ? ggufType(dtype) : undefined
    if (type === undefined) {
      throw new PackError(
        'tensor_type_unsupported',
        `${path}: tensor ${name} is ${dtype}; known types are ${TYPES.join(', ')}: use the release that is not quantized`,
      )
    }
    const bytes = storedBytes(
      type,
      shape.reduce((product, dim) => product * dim, 1),
    )
    const [from, to] = data_offsets
    if (to - from !== bytes) throw damaged(path, `tensor ${name} has ${to - from} bytes where its shape takes ${bytes}`)
    if (dataStart + to > size) throw fileTruncated(path, `tensor ${name}`)
    if (from !== end) {
      throw damaged(
        path,
        `tensor ${name} ${from < end ? 'overlaps another' : `starts ${from - end} bytes after another ends`}`,
      )
    }
    end = to
    tensors.set(name, { name, shape, type: dtype, path, offset: dataStart + from })
  }
  if (dataStart + end !== size) throw damaged(path, `${size - dataStart - end} bytes behind its tensors are of none`)
  return tensors
}

function damaged(path: string, how: string): PackError {
  return new PackError('checkpoint_damaged', `${path}: ${how}; download it again`)
}

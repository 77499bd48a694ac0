import type { FileHandle } from 'node:fs/promises'
import { type GGUFParseOutput, type GGUFTypedMetadata, GGUFValueType, serializeGgufMetadata } from '@huggingface/gguf'
import { fileTruncated } from '../open-file.ts'
import { PackError } from '../pack-error.ts'

export type ParsedHeader = GGUFParseOutput & { readonly typedMetadata: GGUFTypedMetadata }

/** The header starts with its magic, version, number of tensors and number of metadata keys. */
const FIXED_BYTES = 24
/** Fewest bytes of a metadata key with its value, and of what is said of a tensor. */
const KEY_BYTES = 13
const TENSOR_BYTES = 24
const DEFAULT_ALIGNMENT = 32

/** The error of a GGUF file that nobody wrote like this. */
export function damagedGguf(path: string, how: string): PackError {
  return new PackError('not_gguf', `${path}: ${how}; download it again`)
}

/** Refuse what is no file of a known version, or too short for what it says. Throws PackError. */
export async function checkStart(handle: FileHandle, path: string, size: number): Promise<void> {
  const start = Buffer.alloc(FIXED_BYTES)
  await handle.read(start, 0, FIXED_BYTES, 0)
  if (start.toString('latin1', 0, 4) !== 'GGUF') throw new PackError('not_gguf', `${path}: not a GGUF file`)
  if (size < FIXED_BYTES) throw fileTruncated(path, 'its header')
  const version = start.readUInt32LE(4)
  if (version > 0 && (version & 0xffff) === 0) {
    throw new PackError('not_gguf', `${path}: a big-endian GGUF; convert the model again for little-endian machines`)
  }
  if (version !== 2 && version !== 3) {
    throw new PackError(
      'not_gguf',
      `${path}: GGUF version ${version}, where 2 and 3 are known; convert the model again`,
    )
  }
  const [tensors, keys] = [start.readBigUInt64LE(8), start.readBigUInt64LE(16)]
  if (tensors * BigInt(TENSOR_BYTES) + keys * BigInt(KEY_BYTES) > size) {
    throw damagedGguf(
      path,
      `its header states ${tensors} tensors and ${keys} metadata keys, more than the file has room for`,
    )
  }
}

/**
 * Refuse a header that was not understood as it stands. The parser takes what is past the end for zeros, the last of two equal keys, and bytes
 * that are no UTF-8 for U+FFFD: metadata that was read right gives the same bytes when it is written again. Returns where the data of the
 * tensors starts, and what its parts are multiples of. Throws PackError.
 */
export async function checkHeader(
  handle: FileHandle,
  path: string,
  size: number,
  { typedMetadata, tensorInfoByteRange: [end, headerEnd] }: ParsedHeader,
): Promise<{ dataStart: number; alignment: number }> {
  if (headerEnd > size) throw fileTruncated(path, 'its header')
  // The parser adds the version and the two numbers.
  const keys = Object.keys(typedMetadata).length - 3
  if (BigInt(keys) !== typedMetadata.kv_count.value) {
    throw damagedGguf(path, `a metadata key stands twice (${typedMetadata.kv_count.value} are stated, ${keys} differ)`)
  }
  const { type, value } = typedMetadata['general.alignment'] ?? { type: GGUFValueType.UINT32, value: DEFAULT_ALIGNMENT }
  const alignment = Number(value)
  if (type !== GGUFValueType.UINT32 || !isPowerOfTwo(alignment)) {
    throw damagedGguf(path, `general.alignment is ${value}, which is no power of two`)
  }
  const stored = Buffer.alloc(end)
  await handle.read(stored, 0, end, 0)
  const written = serializeGgufMetadata(typedMetadata)
  const difference = stored.findIndex((byte, at) => byte !== written[at])
  if (difference >= 0) throw damagedGguf(path, `its metadata is damaged at byte ${difference}`)
  return { dataStart: Math.ceil(headerEnd / alignment) * alignment, alignment }
}

const isPowerOfTwo = (value: number) => Number.isInteger(Math.log2(value))

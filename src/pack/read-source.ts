import { stat } from 'node:fs/promises'
import { readCheckpoint } from './checkpoint/source.ts'
import { readGgufSource } from './gguf/source.ts'
import type { ModelSource } from './model-source.ts'
import { PackError } from './pack-error.ts'

/** A GGUF file or the folder of a checkpoint. `name`: where it came from, if not from there. Throws PackError, UnsupportedTokenizerError. */
export async function readSource(path: string, name?: string): Promise<ModelSource> {
  const info = await stat(path).catch((error) => {
    throw new PackError('file_missing', `${path}: cannot be opened (${error.message})`)
  })
  return info.isDirectory() ? readCheckpoint(path, name) : readGgufSource(path)
}

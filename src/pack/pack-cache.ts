import { createHash, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { readdir, readFile, rename, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { MAX_MEMORY_BYTES } from '../model/arena.ts'
import { PACK_VERSION } from '../weights/manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { MANIFEST_FILE } from '../weights/weight-store.ts'
import { CHECKPOINT_FILES } from './checkpoint/source.ts'
import { INDEX_FILE } from './checkpoint/tensors.ts'
import { fileSha256 } from './gguf/file.ts'
import { cacheFolder, downloadCheckpoint, parseHubModel } from './hub/checkpoint.ts'
import type { ModelSource } from './model-source.ts'
import { PackError, writeFailed } from './pack-error.ts'
import { packModel } from './pack-model.ts'
import { parsePlanes } from './pack-options.ts'
import { planTensor, type RoundingOptions } from './plan-tensor.ts'
import { readSource } from './read-source.ts'

/** Columns that share a scale: the finest, which loses least. */
const GROUP = 32

/** What tells that the same pack was made meanwhile. */
const SOMEBODY_ELSE = new Set(['ENOTEMPTY', 'EEXIST'])

type Progress = (done: number, total: number) => void

export interface CachedPackOptions {
  /** As `pack --planes` takes them. */
  readonly planes?: string
  /** Shows how far some work is, as src/cli/with-bar.ts. */
  readonly withProgress: <T>(what: string, work: (progress: Progress) => Promise<T>) => Promise<T>
}

/**
 * The folder with the pack of a model: the folder itself where it is one; for a GGUF file, the folder of a checkpoint or an id on the hub, one in
 * the cache, which is made the first time. Throws PackError, UnsupportedTokenizerError.
 */
export async function packFolder(model: string, { planes, withProgress }: CachedPackOptions): Promise<string> {
  const rounding: RoundingOptions = { planes: planes === undefined ? {} : parsePlanes(planes), groupSize: GROUP }
  const found = await stat(model).catch(() => undefined)
  if (found?.isDirectory() && (await readdir(model)).includes(MANIFEST_FILE)) {
    if (planes !== undefined) {
      throw new PackError('option_invalid', `--planes: ${model} is a pack already; give the model that it was made of`)
    }
    return model
  }
  if (found) {
    return cachedPack({ path: model, digest: await sourceDigest(model, found.isDirectory()) }, rounding, withProgress)
  }
  const hubModel = parseHubModel(model)
  if (hubModel === undefined) {
    throw new PackError(
      'file_missing',
      `${model}: there is no such file; give a pack, a GGUF file, the folder of a checkpoint or an id on the hub (owner/name)`,
    )
  }
  const path = await withProgress('downloading', (progress) => downloadCheckpoint(hubModel, { progress }))
  // A commit is the digest of its files.
  const digest = `${hubModel.id}@${basename(path)}`
  return cachedPack({ path, digest, hubModel: model }, rounding, withProgress)
}

/** sha256 of all that a pack is made of, in hex. */
async function sourceDigest(path: string, isFolder: boolean): Promise<string> {
  if (!isFolder) return fileSha256(path)
  const isPart = (file: string) =>
    file === INDEX_FILE || file.endsWith('.safetensors') || (CHECKPOINT_FILES as readonly string[]).includes(file)
  const hash = createHash('sha256')
  for (const file of (await readdir(path)).filter(isPart).sort()) {
    hash.update(`${file}\n${await fileSha256(join(path, file))}\n`)
  }
  return hash.digest('hex')
}

interface Source {
  readonly path: string
  readonly digest: string
  /** As it was asked for, where it was downloaded. */
  readonly hubModel?: string
}

async function cachedPack(
  { path, digest, hubModel }: Source,
  rounding: RoundingOptions,
  withProgress: CachedPackOptions['withProgress'],
): Promise<string> {
  const name = basename(hubModel?.replace(/@.*/, '') ?? resolve(path)).replace(/\.gguf$/, '')
  const key = createHash('sha256')
    .update(JSON.stringify([PACK_VERSION, await packerVersion(), digest, rounding]))
    .digest('hex')
  const folder = join(cacheFolder(), 'packs', `${name}-${key.slice(0, 16)}`)
  if ((await readdir(folder).catch((): string[] => [])).includes(MANIFEST_FILE)) return folder

  checkSize(await readSource(path), rounding)
  // Made beside its place, so that whoever else packs the same model at the same time never meets half a pack.
  const part = `${folder}.${randomUUID()}`
  const removePart = () => rmSync(part, { recursive: true, force: true })
  process.once('exit', removePart)
  try {
    await withProgress(`packing ${name}`, (progress) =>
      packModel(path, part, { ...rounding, name, progress, ...(hubModel && { sourceName: hubModel }) }),
    )
    await rename(part, folder).catch((error) => {
      if (!SOMEBODY_ELSE.has(error.code)) throw writeFailed(folder, error)
    })
  } finally {
    removePart()
    process.off('exit', removePart)
  }
  return folder
}

/** Refuse, before the time that packing takes, what no isolate has room for. Throws PackError. */
export function checkSize({ name, tensors }: Pick<ModelSource, 'name' | 'tensors'>, rounding: RoundingOptions): void {
  const bytes = [...tensors].reduce(
    (sum, [key, tensor]) => sum + tensorBytes(planTensor(key, tensor, rounding).entry),
    0,
  )
  if (bytes < MAX_MEMORY_BYTES) return
  const gib = (count: number) => (count / 2 ** 30).toFixed(1)
  throw new PackError(
    'option_invalid',
    `${name} would take ${gib(bytes)} GiB, of which an isolate has ${gib(MAX_MEMORY_BYTES)}: round it to fewer bit planes, such as --planes 4`,
  )
}

/** Another version of the packer may make another pack. */
async function packerVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

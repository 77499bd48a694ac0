import { stat } from 'node:fs/promises'
import { folderStore } from '../weights/folder-store.ts'
import type { Manifest } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { PackError } from './pack-error.ts'

export interface OpenPack {
  readonly store: WeightStore
  readonly manifest: Manifest
}

/** The pack in a folder. Throws PackError where there is no such folder, and WeightsError where what is in it is no pack. */
export async function openPack(folder: string): Promise<OpenPack> {
  const found = await stat(folder).catch((error) => {
    throw new PackError('file_missing', `${folder}: cannot be opened (${error.message})`)
  })
  if (!found.isDirectory()) {
    throw new PackError(
      'file_missing',
      `${folder} is a file; a pack is a folder, which \`nanbeige-edge pack ${folder} --out FOLDER\` makes of a model`,
    )
  }
  const store = folderStore(folder)
  return { store, manifest: parseManifest(await store.manifest(), folder) }
}

import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PROJECT } from './project.ts'

const BUILT = join(PROJECT, 'dist', 'assets')

export interface AssetsOfPack {
  /** Is there until the process exits. */
  readonly folder: string
  /** Value of the Worker's variable MODEL. */
  readonly model: string
}

/**
 * Static assets with the chat page and one pack, wherever that lies: a folder of links, since a pack may have gigabytes. `name`: of its model.
 */
export async function assetsOfPack(pack: string, name: string): Promise<AssetsOfPack> {
  const folder = await mkdtemp(join(tmpdir(), 'nanbeige-edge-assets-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  // As a part of a URL that needs no escaping.
  const model = name.replaceAll(/[^\w.-]+|^\.+/g, '-')
  await mkdir(join(folder, 'weights'))
  await symlink(resolve(pack), join(folder, 'weights', model), 'dir')
  for (const file of await readdir(BUILT)) {
    if (file !== 'weights') await symlink(join(BUILT, file), join(folder, file))
  }
  return { folder, model }
}

import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makeFolder } from '../pack/make-folder.ts'
import { writeWhole } from '../pack/write-whole.ts'
import type { Setting } from './allocate.ts'
import { LayerCheckpoint } from './layer-checkpoint.ts'
import type { Losses } from './losses.ts'
import { readKept } from './read-kept.ts'

const losses = z.array(z.tuple([z.string(), z.array(z.custom<Setting>((value) => typeof value === 'object'))]))
const KEY_FILE = 'key'
const LOSSES_FILE = 'losses.json'

/** Results of a calibration under way, so that one that is killed goes on where it was. Throws PackError. */
export class CalibrationFolder {
  readonly #folder: string
  /** Of the measurement of losses. */
  readonly measuring: LayerCheckpoint
  /** Of the rounding of matrices. */
  readonly rounding: LayerCheckpoint

  /** `key`: of all that decides the results; what another run has left is thrown away. */
  static async open(folder: string, key: string): Promise<CalibrationFolder> {
    const found = await readFile(join(folder, KEY_FILE), 'utf8').catch(() => undefined)
    if (found !== key) {
      await removeAll(folder)
      await makeFolder(folder)
      await writeWhole(join(folder, KEY_FILE), key)
    }
    return new CalibrationFolder(folder)
  }

  private constructor(folder: string) {
    this.#folder = folder
    this.measuring = new LayerCheckpoint(join(folder, 'measuring'))
    this.rounding = new LayerCheckpoint(join(folder, 'rounding'))
  }

  /** What each matrix loses at its settings, where that was measured. */
  async losses(): Promise<Losses | undefined> {
    const found = await readKept(join(this.#folder, LOSSES_FILE), losses)
    return found && new Map(found)
  }

  async writeLosses(measured: Losses): Promise<void> {
    await writeWhole(join(this.#folder, LOSSES_FILE), JSON.stringify([...measured]))
    await this.measuring.remove()
  }

  async write(name: string, parts: readonly Uint8Array[]): Promise<void> {
    await writeWhole(this.#tensorPath(name), Buffer.concat(parts))
  }

  async read(name: string): Promise<Uint8Array> {
    return readFile(this.#tensorPath(name))
  }

  async has(name: string): Promise<boolean> {
    return stat(this.#tensorPath(name)).then(
      () => true,
      () => false,
    )
  }

  async remove(): Promise<void> {
    await removeAll(this.#folder)
  }

  #tensorPath = (name: string) => join(this.#folder, `${name}.planes`)
}

/** The key first: a folder whose removal is interrupted lacks some files, and is not to be gone on with. */
async function removeAll(folder: string): Promise<void> {
  await rm(join(folder, KEY_FILE), { force: true })
  await rm(folder, { recursive: true, force: true })
}

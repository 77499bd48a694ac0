import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writeFailed } from '../pack/pack-error.ts'
import type { Setting } from './allocate.ts'
import type { Losses } from './losses.ts'

const state = z.object({ key: z.string(), layersDone: z.int().nonnegative() })
const losses = z.array(z.tuple([z.string(), z.array(z.custom<Setting>((value) => typeof value === 'object'))]))
const STATE_FILE = 'state.json'
const LOSSES_FILE = 'losses.json'

/** Results of a calibration under way, so that one that is killed goes on where it was. Throws PackError. */
export class CalibrationFolder {
  readonly #folder: string
  readonly #key: string

  /** `key`: of all that decides the results; what another run has left is thrown away. */
  static async open(folder: string, key: string): Promise<CalibrationFolder> {
    const found = state.safeParse(await readJson(join(folder, STATE_FILE)))
    if (found.data?.key !== key) await removeAll(folder)
    await mkdir(folder, { recursive: true }).catch((error) => {
      throw writeFailed(folder, error)
    })
    return new CalibrationFolder(folder, key)
  }

  private constructor(folder: string, key: string) {
    this.#folder = folder
    this.#key = key
  }

  /** Layers that are done, and hidden <- the residual stream behind them, where there are any. */
  async layersDone(hidden: Float32Array): Promise<number> {
    const { layersDone = 0 } = state.safeParse(await readJson(join(this.#folder, STATE_FILE))).data ?? {}
    if (layersDone > 0) {
      const bytes = await readFile(this.#hiddenPath(layersDone - 1))
      hidden.set(new Float32Array(new Uint8Array(bytes).buffer))
    }
    return layersDone
  }

  async finishLayer(layer: number, hidden: Float32Array): Promise<void> {
    await this.#write(this.#hiddenPath(layer), new Uint8Array(hidden.buffer, hidden.byteOffset, hidden.byteLength))
    await this.#write(join(this.#folder, STATE_FILE), JSON.stringify({ key: this.#key, layersDone: layer + 1 }))
    await rm(this.#hiddenPath(layer - 1), { force: true })
  }

  /** What each matrix loses at its settings, where that was measured. */
  async losses(): Promise<Losses | undefined> {
    const found = losses.safeParse(await readJson(join(this.#folder, LOSSES_FILE)))
    return found.data && new Map(found.data)
  }

  async writeLosses(measured: Losses): Promise<void> {
    await this.#write(join(this.#folder, LOSSES_FILE), JSON.stringify([...measured]))
    await this.#write(join(this.#folder, STATE_FILE), JSON.stringify({ key: this.#key, layersDone: 0 }))
  }

  async write(name: string, parts: readonly Uint8Array[]): Promise<void> {
    await this.#write(this.#tensorPath(name), Buffer.concat(parts))
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
  #hiddenPath = (layer: number) => join(this.#folder, `hidden-${layer}.f32`)

  async #write(path: string, data: Uint8Array | string): Promise<void> {
    try {
      await writeFile(`${path}.part`, data)
      await rename(`${path}.part`, path)
    } catch (error) {
      throw writeFailed(path, error as NodeJS.ErrnoException)
    }
  }
}

/** The state first: a folder whose removal is interrupted lacks some files, and is not to be gone on with. */
async function removeAll(folder: string): Promise<void> {
  await rm(join(folder, STATE_FILE), { force: true })
  await rm(folder, { recursive: true, force: true })
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

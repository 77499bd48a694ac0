import { readFile, rm } from 'node:fs/promises'
import { z } from 'zod'
import { writeWhole } from '../pack/write-whole.ts'
import { readKept } from './read-kept.ts'

const state = z.object({ done: z.int().positive(), gathered: z.unknown().optional() })

/** How far a walk through the layers of a model has come, in two files, so that one that is killed goes on where it was. Throws PackError. */
export class LayerCheckpoint {
  readonly #path: string

  /** path: what the names of the files begin with. */
  constructor(path: string) {
    this.#path = path
  }

  /** Layers that are done and what was gathered in them, and hidden <- the residual stream behind them; undefined: begin anew. */
  async read(hidden: Float32Array): Promise<{ done: number; gathered: unknown } | undefined> {
    const found = await readKept(this.#statePath, state)
    if (!found) return undefined
    const { done, gathered } = found
    const bytes = await readFile(this.#hiddenPath(done)).catch(() => undefined)
    // A machine that lost its power may have kept names of files, and nothing in them.
    if (bytes?.length !== hidden.byteLength) return undefined
    bytesOf(hidden).set(bytes)
    return { done, gathered }
  }

  /** gathered: JSON. */
  async write(done: number, hidden: Float32Array, gathered?: unknown): Promise<void> {
    await writeWhole(this.#hiddenPath(done), bytesOf(hidden))
    await writeWhole(this.#statePath, JSON.stringify({ done, gathered }))
    await rm(this.#hiddenPath(done - 1), { force: true })
  }

  async remove(): Promise<void> {
    const found = await readKept(this.#statePath, state)
    await rm(this.#statePath, { force: true })
    if (found) await rm(this.#hiddenPath(found.done), { force: true })
  }

  get #statePath(): string {
    return `${this.#path}.json`
  }

  #hiddenPath = (done: number) => `${this.#path}-${done}.f32`
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => new Uint8Array(buffer, byteOffset, byteLength)

import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ALIGNMENT } from '../../assembly/layout.ts'
import { MAX_SHARD_BYTES, type Manifest, type Span } from '../weights/manifest.ts'
import { withDigest } from '../weights/manifest-digest.ts'
import { shardFileName } from '../weights/parse-manifest.ts'
import { MANIFEST_FILE } from '../weights/weight-store.ts'
import { makeFolder } from './make-folder.ts'
import { writeFailed } from './pack-error.ts'
import { writeWhole } from './write-whole.ts'

const SHARD_FILE = /^[0-9a-f]{16}\.bin$/

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Writes tensors one after another into content-addressed shards, holding one shard in memory. */
export class ShardWriter {
  readonly #folder: string
  readonly #shard = new Uint8Array(MAX_SHARD_BYTES)
  #used = 0
  /** Spans of the open shard, which get its name when it is written. */
  #open: Span[] = []
  readonly #shards = new Map<string, Manifest['shards'][number]>()

  /** Prepare a folder: a manifest of an earlier pack goes first, so that an interrupted run leaves none. Throws PackError. */
  static async create(folder: string): Promise<ShardWriter> {
    await makeFolder(folder)
    try {
      await rm(join(folder, MANIFEST_FILE), { force: true })
    } catch (error) {
      throw writeFailed(folder, error as NodeJS.ErrnoException)
    }
    return new ShardWriter(folder)
  }

  private constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Write one tensor of `bytes` bytes from consecutive parts, each whole pieces of `unit` bytes. It goes to one shard where
   * that can be, and is split between units where it cannot. The spans are complete once `finish` has been called.
   */
  async write(bytes: number, unit: number, parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Span[]> {
    await this.#align(bytes, unit)
    const spans: Span[] = []
    let start = this.#used
    for await (const part of parts) {
      for (let at = 0; at < part.length; ) {
        const room = Math.floor((MAX_SHARD_BYTES - this.#used) / unit) * unit
        const piece = part.subarray(at, at + room)
        this.#shard.set(piece, this.#used)
        this.#used += piece.length
        at += piece.length
        if (at < part.length) {
          spans.push(this.#close(start))
          await this.#flush()
          start = 0
        }
      }
    }
    spans.push(this.#close(start))
    return spans
  }

  /** Write the last shard, and then the manifest that `manifest` makes of the list of shards, with its digest; remove what is not in it. */
  async finish(manifest: (shards: Manifest['shards']) => Manifest): Promise<Manifest> {
    await this.#flush()
    const finished = await withDigest(manifest([...this.#shards.values()]))
    await writeWhole(join(this.#folder, MANIFEST_FILE), `${JSON.stringify(finished, null, 1)}\n`)
    for (const file of await readdir(this.#folder)) {
      if (SHARD_FILE.test(file) && !this.#shards.has(file)) await rm(join(this.#folder, file))
    }
    return finished
  }

  async #align(bytes: number, unit: number): Promise<void> {
    const start = Math.ceil(this.#used / ALIGNMENT) * ALIGNMENT
    // What fits in no shard is split anywhere, but not in less than a unit.
    const needed = bytes <= MAX_SHARD_BYTES ? bytes : unit
    if (start + needed > MAX_SHARD_BYTES) return this.#flush()
    this.#shard.fill(0, this.#used, start)
    this.#used = start
  }

  #close(start: number): Span {
    const bytes = this.#shard.subarray(start, this.#used)
    const span = { shard: '', offset: start, bytes: bytes.length, sha256: sha256(bytes) }
    this.#open.push(span)
    return span
  }

  async #flush(): Promise<void> {
    if (this.#used === 0) return
    const bytes = this.#shard.subarray(0, this.#used)
    const digest = sha256(bytes)
    const file = shardFileName(digest)
    await writeWhole(join(this.#folder, file), bytes)
    this.#shards.set(file, { file, bytes: bytes.length, sha256: digest })
    for (const span of this.#open) span.shard = file
    this.#open = []
    this.#used = 0
  }
}

import { link, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ALIGNMENT } from '../../assembly/layout.ts'
import { makeFolder } from '../pack/make-folder.ts'
import { readSpan } from '../weights/load-tensors.ts'
import type { Manifest, Span } from '../weights/manifest.ts'
import { withDigest } from '../weights/manifest-digest.ts'
import { parseManifest, shardFileName } from '../weights/parse-manifest.ts'
import { sha256Hex } from '../weights/sha256.ts'
import { MANIFEST_FILE, type WeightStore } from '../weights/weight-store.ts'
import type { Piece, ShardLayout } from './shard-layout.ts'

/**
 * Write the shards of a layout to the folders `folderOf` names, and to each of them the one manifest that describes them all, which is returned.
 * What a folder held before is removed, the manifest first. Memory: one span of the pack and one shard. Throws WeightsError, PackError.
 */
export async function writePipelineShards(
  store: WeightStore,
  manifest: Manifest,
  layouts: readonly ShardLayout[],
  folderOf: (folder: string) => string,
  progress: (bytesDone: number, bytesTotal: number) => void,
): Promise<Manifest> {
  const folders = [...new Set(layouts.flatMap((layout) => layout.folders))]
  for (const folder of folders) {
    await makeFolder(folderOf(folder))
    await rm(join(folderOf(folder), MANIFEST_FILE), { force: true })
  }
  const reader = new PieceReader(store, manifest)
  const spans = new Map<Piece['source'], Span[]>()
  const shards = new Map<string, Manifest['shards'][number]>()
  const filesOf = new Map(folders.map((folder) => [folder, new Set([MANIFEST_FILE])]))
  const total = layouts.reduce((sum, { pieces }) => sum + pieces.reduce((bytes, piece) => bytes + piece.bytes, 0), 0)
  let done = 0
  for (const layout of layouts) {
    const parts: Uint8Array[] = []
    const found: { piece: Piece; span: Omit<Span, 'shard'> }[] = []
    let at = 0
    for (const piece of layout.pieces) {
      const bytes = await reader.read(piece)
      const padding = (ALIGNMENT - (at % ALIGNMENT)) % ALIGNMENT
      parts.push(new Uint8Array(padding), bytes)
      found.push({ piece, span: { offset: at + padding, bytes: bytes.length, sha256: await sha256Hex(bytes) } })
      at += padding + bytes.length
      done += bytes.length
    }
    const data = Buffer.concat(parts)
    const sha256 = await sha256Hex(data)
    const shard = shardFileName(sha256)
    shards.set(shard, { file: shard, bytes: data.length, sha256 })
    for (const { piece, span } of found)
      spans.set(piece.source, [...(spans.get(piece.source) ?? []), { shard, ...span }])
    await place(data, shard, layout.folders.map(folderOf))
    for (const folder of layout.folders) filesOf.get(folder)!.add(shard)
    progress(done, total)
  }
  const divided = await withDigest(
    parseManifest(
      {
        ...manifest,
        tokenizer: spans.get('tokenizer')![0],
        tensors: manifest.tensors.map((tensor) => ({ ...tensor, spans: spans.get(tensor)! })),
        shards: [...shards.values()],
      },
      manifest.name,
    ),
  )
  for (const [folder, files] of filesOf) {
    await writeFile(join(folderOf(folder), MANIFEST_FILE), JSON.stringify(divided))
    for (const file of await readdir(folderOf(folder))) {
      if (!files.has(file)) await rm(join(folderOf(folder), file), { recursive: true })
    }
  }
  return divided
}

/** One file, and links to it where more than one script needs it. */
async function place(data: Uint8Array, file: string, [first, ...others]: readonly string[]): Promise<void> {
  const path = join(first, file)
  await writeFile(`${path}.part`, data)
  await rename(`${path}.part`, path)
  for (const other of others) {
    await rm(join(other, file), { force: true })
    await link(path, join(other, file))
  }
}

/** Reads any bytes of a tensor, checked: pieces that lie in one span read it once when they come one after another. */
class PieceReader {
  readonly #store: WeightStore
  readonly #manifest: Manifest
  #span: Span | undefined
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(store: WeightStore, manifest: Manifest) {
    this.#store = store
    this.#manifest = manifest
  }

  async read({ source, offset, bytes }: Piece): Promise<Uint8Array> {
    const spans = source === 'tokenizer' ? [this.#manifest.tokenizer] : source.spans
    const parts: Uint8Array[] = []
    let start = 0
    for (const span of spans) {
      const [from, to] = [Math.max(offset, start), Math.min(offset + bytes, start + span.bytes)]
      if (from < to) parts.push((await this.#whole(span)).slice(from - start, to - start))
      start += span.bytes
    }
    return Buffer.concat(parts)
  }

  async #whole(span: Span): Promise<Uint8Array> {
    if (this.#span !== span) {
      this.#bytes = await readSpan(this.#store, span)
      this.#span = span
    }
    return this.#bytes
  }
}

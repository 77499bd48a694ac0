import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MAX_SHARD_BYTES, type Manifest, type Span } from '../weights/manifest.ts'
import { ShardWriter } from './shard-writer.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shards-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** The writer looks at no field of a manifest. */
const manifest = (shards: Manifest['shards']) => ({ shards }) as Manifest
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const bytesOf = (length: number, seed: number) => new Uint8Array(length).map((_, i) => (i * 31 + (i >> 8) + seed) & 255)

async function read(spans: readonly Span[]): Promise<Buffer> {
  const parts = spans.map(async ({ shard, offset, bytes, sha256: expected }) => {
    const part = (await readFile(join(folder, shard))).subarray(offset, offset + bytes)
    expect(sha256(part)).toBe(expected)
    return part
  })
  return Buffer.concat(await Promise.all(parts))
}

describe('ShardWriter', () => {
  it('splits what fits in no shard between units, and nothing else', async () => {
    const unit = 1_000_000
    const small = bytesOf(100, 1)
    const large = bytesOf(60 * unit, 2)
    const medium = bytesOf(20 * unit, 3)
    const writer = await ShardWriter.create(folder)
    const spans = [
      await writer.write(small.length, small.length, [small]),
      await writer.write(large.length, unit, [large.subarray(0, 7 * unit), large.subarray(7 * unit)]),
      await writer.write(medium.length, unit, [medium]),
    ]
    const { shards } = await writer.finish(manifest)
    expect(spans.map((of) => of.map(({ bytes }) => bytes))).toEqual([
      [100],
      [26 * unit, 26 * unit, 8 * unit],
      [20 * unit],
    ])
    expect((await read(spans[0])).equals(small)).toBe(true)
    expect((await read(spans[1])).equals(large)).toBe(true)
    expect((await read(spans[2])).equals(medium)).toBe(true)
    for (const span of spans.flat()) expect(span.offset % 16).toBe(0)
    for (const { file, bytes, sha256: digest } of shards) {
      const content = await readFile(join(folder, file))
      expect(bytes).toBeLessThanOrEqual(MAX_SHARD_BYTES)
      expect(content.length).toBe(bytes)
      expect(sha256(content)).toBe(digest)
      expect(file).toBe(`${digest.slice(0, 16)}.bin`)
    }
  })

  it('begins by taking the manifest away and ends by removing shards of earlier packs only', async () => {
    await writeFile(join(folder, 'LICENSE'), 'text')
    const writer = await ShardWriter.create(folder)
    expect(await readdir(folder)).not.toContain('manifest.json')
    await writer.write(3, 3, [bytesOf(3, 0)])
    const { shards } = await writer.finish(manifest)
    expect((await readdir(folder)).toSorted()).toEqual([shards[0].file, 'LICENSE', 'manifest.json'].toSorted())
  })
})

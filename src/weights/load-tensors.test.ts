import { readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'
import { type AssetFetcher, assetsStore } from './assets-store.ts'
import { folderStore } from './folder-store.ts'
import { loadTensors, readSpan } from './load-tensors.ts'
import type { WeightStore } from './weight-store.ts'

let pack: TinyPack
beforeEach(async () => {
  pack = await tinyPack()
})
afterEach(() => pack.remove())

async function load(store: WeightStore, tensors = pack.manifest.tensors): Promise<Map<string, Buffer>> {
  const loaded = new Map<string, Buffer>()
  await loadTensors(store, { tensors }, (tensor, bytes) => {
    loaded.set(tensor.name, Buffer.alloc(bytes))
    return loaded.get(tensor.name)!
  })
  return loaded
}

/** The tensors by plain slicing of the shard file. */
async function expected(names: (name: string) => boolean = () => true): Promise<Map<string, Buffer>> {
  const entries = pack.manifest.tensors.map(async ({ name, spans: [{ shard, offset, bytes }] }) => {
    const file = await readFile(join(pack.folder, shard))
    return [name, file.subarray(offset, offset + bytes)] as const
  })
  return new Map((await Promise.all(entries)).filter(([name]) => names(name)))
}

function expectSame(actual: Map<string, Buffer>, wanted: Map<string, Buffer>): void {
  expect([...actual.keys()]).toEqual([...wanted.keys()])
  for (const [name, bytes] of wanted) expect(actual.get(name)!.equals(bytes), name).toBe(true)
}

/** Static assets out of the pack's folder, with or without range requests. */
function assets(ranges: boolean): AssetFetcher {
  return {
    async fetch(url, init) {
      const { pathname } = new URL(url)
      const file = await readFile(join(pack.folder, pathname.replace('/weights/tiny/', ''))).catch(() => null)
      if (file === null) return new Response('not found', { status: 404 })
      const [, from, to] = new Headers(init?.headers).get('range')?.match(/^bytes=(\d+)-(\d+)$/) ?? []
      if (ranges && from !== undefined) {
        return new Response(new Uint8Array(file.subarray(Number(from), Number(to) + 1)), { status: 206 })
      }
      return new Response(new Uint8Array(file))
    },
  }
}

const lastLayers = (name: string) => name === 'norm' || name === 'head'

describe('loadTensors', () => {
  for (const [where, open] of [
    ['a folder', () => folderStore(pack.folder)],
    ['assets with ranges', () => assetsStore(assets(true), '/weights/tiny')],
    ['assets without ranges', () => assetsStore(assets(false), 'weights/tiny/')],
  ] as const) {
    it(`reads all tensors, or a few, from ${where}`, async () => {
      expect(await open().manifest()).toEqual(pack.manifest)
      expectSame(await load(open()), await expected())
      const few = pack.manifest.tensors.filter(({ name }) => lastLayers(name))
      expectSame(await load(open(), few), await expected(lastLayers))
    })

    it(`names what is missing from ${where}`, async () => {
      const [{ file }] = pack.manifest.shards
      await rm(join(pack.folder, file))
      await expect(load(open())).rejects.toMatchObject({
        code: 'shard_missing',
        message: expect.stringContaining(file),
      })
      await rm(join(pack.folder, 'manifest.json'))
      await expect(open().manifest()).rejects.toMatchObject({ code: 'manifest_missing' })
      await writeFile(join(pack.folder, 'manifest.json'), '<!doctype html>')
      await expect(open().manifest()).rejects.toMatchObject({ code: 'manifest_invalid' })
    })

    it(`notices a truncated shard in ${where}`, async () => {
      const [{ file, bytes }] = pack.manifest.shards
      for (const length of [bytes - pack.manifest.tokenizer.bytes - 1, 100, 0]) {
        await truncate(join(pack.folder, file), length)
        await expect(load(open())).rejects.toMatchObject({
          code: 'shard_truncated',
          message: expect.stringMatching(new RegExp(`${file}: the file ends after \\d+ bytes`)),
        })
      }
    })

    it(`notices one changed bit in ${where}`, async () => {
      const [{ file }] = pack.manifest.shards
      const bytes = await readFile(join(pack.folder, file))
      for (const { spans } of pack.manifest.tensors) {
        const at = spans[0].offset + spans[0].bytes - 1
        bytes[at] ^= 0x10
        await writeFile(join(pack.folder, file), bytes)
        await expect(load(open())).rejects.toMatchObject({
          code: 'shard_corrupt',
          message: expect.stringContaining(file),
        })
        bytes[at] ^= 0x10
      }
    })
  }

  it('notices shards that were swapped', async () => {
    const [{ file }] = pack.manifest.shards
    const first = join(pack.folder, file)
    const second = join(pack.folder, 'second.bin')
    await writeFile(second, Buffer.concat([Buffer.alloc(16), await readFile(first)]))
    const tensors = pack.manifest.tensors.map((tensor) => {
      const [span] = tensor.spans
      return lastLayers(tensor.name)
        ? { ...tensor, spans: [{ ...span, shard: 'second.bin', offset: span.offset + 16 }] }
        : tensor
    }) as typeof pack.manifest.tensors
    expectSame(await load(folderStore(pack.folder), tensors), await expected())
    await rename(first, `${first}.swap`)
    await rename(second, first)
    await rename(`${first}.swap`, second)
    await expect(load(folderStore(pack.folder), tensors)).rejects.toMatchObject({ code: 'shard_corrupt' })
  })

  it('reports progress up to the whole', async () => {
    const seen: [number, number][] = []
    const { tensors } = pack.manifest
    await loadTensors(
      folderStore(pack.folder),
      pack.manifest,
      (_, bytes) => new Uint8Array(bytes),
      (done, total) => seen.push([done, total]),
    )
    expect(seen.length).toBe(tensors.length)
    expect(seen.every(([done, total], i) => done <= total && (i === 0 || done > seen[i - 1][0]))).toBe(true)
    expect(seen.at(-1)![0]).toBe(seen.at(-1)![1])
  })

  it('reads the tokenizer tables', async () => {
    const tables = await readSpan(folderStore(pack.folder), pack.manifest.tokenizer)
    expect(tables.length).toBe(pack.manifest.tokenizer.bytes)
  })
})

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'
import { startMiniflare } from '../serve/start-miniflare.ts'

let pack: TinyPack
let workerd: Miniflare

beforeAll(async () => {
  pack = await tinyPack()
  const { outputFiles } = await build({
    entryPoints: [new URL('../../test/support/store-worker.ts', import.meta.url).pathname],
    bundle: true,
    format: 'esm',
    write: false,
  })
  workerd = startMiniflare({
    modules: true,
    script: outputFiles[0].text,
    compatibilityDate: '2026-01-01',
    r2Buckets: ['BUCKET'],
    assets: { directory: pack.root, binding: 'ASSETS', routerConfig: { has_user_worker: true } },
  })
  const bucket = await workerd.getR2Bucket('BUCKET')
  for (const file of ['manifest.json', ...pack.manifest.shards.map((shard) => shard.file)]) {
    await bucket.put(`weights/tiny/${file}`, await bytesOf(file))
  }
})

afterAll(async () => {
  await workerd.dispose()
  await pack.remove()
})

/** Not a Buffer: miniflare does not pass one on. */
async function bytesOf(file: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(join(pack.folder, file)))
}

async function load(path: string): Promise<unknown> {
  return (await workerd.dispatchFetch(`http://localhost/${path}`)).json()
}

describe('stores in workerd', () => {
  for (const [where, path] of [
    ['static assets', 'assets/tiny'],
    ['R2', 'r2/tiny'],
  ]) {
    it(`load a pack from ${where}`, async () => {
      const { tensors, tokenizer } = pack.manifest
      expect(await load(path)).toEqual({
        tokenizer: tokenizer.bytes,
        tensors: Object.fromEntries(tensors.map(({ name, spans: [{ sha256 }] }) => [name, sha256])),
      })
      const [{ sha256 }] = tensors.find(({ name }) => name === 'head')!.spans
      expect(await load(`${path}/head`)).toMatchObject({ tensors: { head: sha256 } })
    })
  }

  it('say so when there is no pack', async () => {
    expect(await load('r2/other')).toMatchObject({
      code: 'manifest_missing',
      message: expect.stringContaining('other'),
    })
    expect(await load('assets/other')).toMatchObject({ code: 'manifest_missing' })
  })

  it('tell a missing, a truncated and a damaged object of R2', async () => {
    const bucket = await workerd.getR2Bucket('BUCKET')
    const [{ file }] = pack.manifest.shards
    const bytes = await bytesOf(file)
    const put = (data: Uint8Array) => bucket.put(`weights/tiny/${file}`, data)
    await put(bytes.subarray(0, 1000))
    expect(await load('r2/tiny')).toMatchObject({ code: 'shard_truncated', message: expect.stringContaining(file) })
    expect(await load('r2/tiny/head')).toMatchObject({
      code: 'shard_truncated',
      message: expect.stringContaining(file),
    })
    bytes[100] ^= 1
    await put(bytes)
    expect(await load('r2/tiny')).toMatchObject({ code: 'shard_corrupt' })
    await bucket.delete(`weights/tiny/${file}`)
    expect(await load('r2/tiny')).toMatchObject({ code: 'shard_missing' })
  })
})

import { rename } from 'node:fs/promises'
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
    assets: { directory: pack.root, binding: 'ASSETS', routerConfig: { has_user_worker: true } },
  })
})

afterAll(async () => {
  await workerd.dispose()
  await pack.remove()
})

async function load(path: string): Promise<unknown> {
  return (await workerd.dispatchFetch(`http://localhost/${path}`)).json()
}

describe('static assets in workerd', () => {
  it('are a store of packs', async () => {
    const { tensors, tokenizer } = pack.manifest
    expect(await load('tiny')).toEqual({
      tokenizer: tokenizer.bytes,
      tensors: Object.fromEntries(tensors.map(({ name, spans: [{ sha256 }] }) => [name, sha256])),
    })
    const [{ sha256 }] = tensors.find(({ name }) => name === 'head')!.spans
    expect(await load('tiny/head')).toMatchObject({ tensors: { head: sha256 } })
  })

  it('say so where there is no pack, or not all of it', async () => {
    expect(await load('other')).toMatchObject({ code: 'manifest_missing', message: expect.stringContaining('other') })
    const [{ file }] = pack.manifest.shards
    await rename(join(pack.folder, file), join(pack.root, file))
    expect(await load('tiny')).toMatchObject({ code: 'shard_missing', message: expect.stringContaining(file) })
    await rename(join(pack.root, file), join(pack.folder, file))
  })
})

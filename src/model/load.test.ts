import { afterAll, beforeAll, expect, it } from 'vitest'
import { kernelModules } from '../../test/support/embedded-model.ts'
import { tinyPack } from '../../test/support/tiny-pack.ts'
import { folderStore } from '../weights/folder-store.ts'
import { type LoadOptions, loadModel } from './load.ts'

let pack: Awaited<ReturnType<typeof tinyPack>>
beforeAll(async () => {
  pack = await tinyPack()
})
afterAll(() => pack?.remove())

async function load(options: Omit<LoadOptions, 'contextLength'>) {
  return loadModel(folderStore(pack.folder), pack.manifest, await kernelModules(), { contextLength: 2048, ...options })
}

it('refuses what no isolate can hold, and says what would fit', async () => {
  await expect(load({ sequences: 2 ** 20 })).rejects.toMatchObject({
    code: 'model_too_large',
    message: expect.stringMatching(
      /^tiny with 1048576 x \d+ tokens of context takes \d+ MiB .* 4096 at most: set a smaller CONTEXT_LENGTH or SEQUENCES/,
    ),
  })
})

it('has as many KV caches as fit into the bytes for them, and no fewer than are asked for', async () => {
  const MIB = 2 ** 20
  expect((await load({ sequences: 3 })).caches).toBe(3)
  expect((await load({ sequences: 3, cacheBytes: 1 })).caches).toBe(3)
  const { caches } = await load({ sequences: 1, cacheBytes: 4 * MIB })
  expect(caches).toBeGreaterThan(3)
  expect((await load({ sequences: 1, cacheBytes: 8 * MIB })).caches - 2 * caches).toBeOneOf([0, 1])
  const model = await load({ sequences: 2, cacheBytes: 4 * MIB })
  for (let i = 0; i < model.caches; i++) model.createSequence()
  expect(() => model.createSequence()).toThrow('every KV cache is in use')
})

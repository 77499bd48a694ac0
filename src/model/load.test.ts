import { expect, it } from 'vitest'
import { kernelModules } from '../../test/support/embedded-model.ts'
import { tinyPack } from '../../test/support/tiny-pack.ts'
import { folderStore } from '../weights/folder-store.ts'
import { loadModel } from './load.ts'

it('refuses what no isolate can hold, and says what would fit', async () => {
  const { folder, manifest, remove } = await tinyPack()
  try {
    const options = { contextLength: 2048, sequences: 2 ** 20 }
    await expect(loadModel(folderStore(folder), manifest, await kernelModules(), options)).rejects.toMatchObject({
      code: 'model_too_large',
      message: expect.stringMatching(
        /^tiny with a context of \d+ takes \d+ MiB .* 4096 at most: set a smaller CONTEXT_LENGTH/,
      ),
    })
  } finally {
    await remove()
  }
})

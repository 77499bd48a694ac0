import { readFile } from 'node:fs/promises'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { loadChatModel } from '../../src/chat/load-chat-model.ts'
import type { KernelModules } from '../../src/model/kernels.ts'
import { loadModel } from '../../src/model/load.ts'
import { xgrammarModule } from '../../src/pack/kernel-modules.ts'
import { folderStore } from '../../src/weights/folder-store.ts'

/** The kernels that `npm run build` made. */
export async function kernelModules(): Promise<KernelModules> {
  const compile = async (name: string) =>
    WebAssembly.compile(await readFile(new URL(`../../dist/kernels.${name}.wasm`, import.meta.url)))
  return { relaxed: await compile('relaxed'), plain: await compile('plain') }
}

/** The model in weights/, in this process. */
export async function loadEmbeddedModel(build?: keyof KernelModules): Promise<ChatModel> {
  const pack = new URL('../../weights/smollm2-135m-instruct', import.meta.url).pathname
  const store = folderStore(pack)
  const modules = await kernelModules()
  return loadChatModel(
    store,
    (manifest) => loadModel(store, manifest, modules, { contextLength: 2048, sequences: 1, build }),
    xgrammarModule,
  )
}

import type { EdgeModel } from '../model/edge-model.ts'
import type { KernelModules } from '../model/kernels.ts'
import { loadModel } from '../model/load.ts'
import { loadTokenizer } from '../tokenizer/load.ts'
import { readSpan } from '../weights/load-tensors.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import type { ChatModel } from './chat-model.ts'
import { answerTags } from './tags.ts'
import { ChatTemplate } from './template.ts'

/** A pack, ready to chat. `contextLength` in tokens. Throws WeightsError. */
export async function loadChatModel(
  store: WeightStore,
  modules: KernelModules,
  contextLength: number,
  build?: keyof KernelModules,
): Promise<ChatModel & { readonly language: EdgeModel }> {
  const manifest = parseManifest(await store.manifest(), 'manifest.json')
  const [language, tables] = await Promise.all([
    loadModel(store, manifest, modules, { contextLength, sequences: 1, build }),
    readSpan(store, manifest.tokenizer),
  ])
  const { bos, eos, addBos } = manifest.tokens
  const tokenizer = loadTokenizer(tables)
  return {
    id: manifest.name,
    created: Math.floor(Date.now() / 1000),
    language,
    tokenizer,
    template: new ChatTemplate(manifest.chatTemplate),
    tags: answerTags(tokenizer),
    eosIds: eos,
    bosId: bos,
    addBos,
    defaults: manifest.sampling,
  }
}

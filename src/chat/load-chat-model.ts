import type { LanguageModel } from '../generate/language-model.ts'
import { Grammars } from '../grammar/grammars.ts'
import { vocabularyOf } from '../grammar/vocabulary.ts'
import { loadTokenizer } from '../tokenizer/load.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { readSpan } from '../weights/load-tensors.ts'
import type { Manifest } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import type { ChatModel } from './chat-model.ts'
import { answerTags } from './tags.ts'
import { ChatTemplate, type TemplateTokens } from './template.ts'

/**
 * A pack, ready to chat with the language model that `loadLanguage` makes of it. Throws WeightsError, and what `loadLanguage` throws.
 * @param xgrammar dist/xgrammar.wasm, asked for with the first grammar.
 */
export async function loadChatModel<Language extends LanguageModel>(
  store: WeightStore,
  loadLanguage: (manifest: Manifest) => Promise<Language>,
  xgrammar: () => Promise<WebAssembly.Module>,
): Promise<ChatModel & { readonly language: Language }> {
  const manifest = parseManifest(await store.manifest(), 'manifest.json')
  const [language, tables] = await Promise.all([loadLanguage(manifest), readSpan(store, manifest.tokenizer)])
  const { bos, eos, addBos } = manifest.tokens
  const tokenizer = loadTokenizer(tables)
  return {
    id: manifest.name,
    created: Math.floor(Date.now() / 1000),
    language,
    tokenizer,
    template: new ChatTemplate(manifest.chatTemplate, templateTokens(tokenizer, manifest.tokens)),
    grammars: new Grammars(xgrammar, language.vocabSize, () => vocabularyOf(tokenizer, language.vocabSize, eos)),
    tags: answerTags(tokenizer),
    eosIds: eos,
    bosId: bos,
    addBos,
    defaults: manifest.sampling,
  }
}

function templateTokens(tokenizer: Tokenizer, { bos, eos }: Manifest['tokens']): TemplateTokens {
  const written = (id: number | null) => tokenizer.addedTexts.find((text) => tokenizer.addedToken(text) === id)
  return { bosToken: written(bos), eosToken: written(eos[0]), addedTexts: tokenizer.addedTexts }
}

import { Hono } from 'hono'
import { contextLengthOf } from '../route/service.ts'
import { spelling } from '../tokenizer/written-text.ts'
import type { Answers } from './answers.ts'

/** GET /props: what llama-server tells of its model, as far as there is something to tell. */
export function props({ loadModel, loadService }: Pick<Answers, 'loadModel' | 'loadService'>) {
  return new Hono().get('/props', async (c) => {
    const chat = await loadModel()
    const { id, language, tokenizer, template, bosId, eosIds } = chat
    const written = (id: number | null) => (id === null ? '' : (spelling(tokenizer, id) ?? ''))
    return c.json({
      default_generation_settings: { n_ctx: contextLengthOf(language, await loadService(chat)) },
      model_alias: id,
      model_path: id,
      modalities: { vision: false, audio: false },
      chat_template: template.source,
      bos_token: written(bosId),
      eos_token: written(eosIds[0]),
      build_info: 'nanbeige-edge',
    })
  })
}

import { Hono } from 'hono'
import { z } from 'zod'
import { checkTokenIds } from '../chat/prepare.ts'
import { writtenText } from '../tokenizer/written-text.ts'
import { tokenIds } from './bounded.ts'
import { jsonBody } from './json-body.ts'
import { checkModelName, type LoadModel } from './models.ts'

const MAX_TOKENS = 50_000

/** The body of POST /detokenize. */
export const detokenizeBody = z.looseObject({
  model: z.string().nullish(),
  tokens: tokenIds(MAX_TOKENS),
})

/** POST /detokenize: the text of ids, under vLLM's name and llama-server's. */
export function detokenize(loadModel: LoadModel) {
  return new Hono().post('/detokenize', async (c) => {
    const { body } = await jsonBody(c, detokenizeBody)
    const chat = await loadModel()
    checkModelName(chat, body.model)
    checkTokenIds(chat, body.tokens, 'tokens')
    const text = writtenText(chat.tokenizer, body.tokens)
    return c.json({ prompt: text, content: text })
  })
}

import { Hono } from 'hono'
import { z } from 'zod'
import type { ChatModel } from '../chat/chat-model.ts'
import { chatPrompt } from '../chat/prepare.ts'
import { encodeText } from '../chat/prompt.ts'
import { contextLengthOf } from '../route/service.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { spelling } from '../tokenizer/written-text.ts'
import type { Answers } from './answers.ts'
import { withExactJson } from './exact-body.ts'
import { jsonBody } from './json-body.ts'
import { checkModelName } from './models.ts'
import { promptFields } from './schemas.ts'
import { rejectTemplate, templateSettings } from './template-fields.ts'

/** More than any context here holds. */
const MAX_TOKENS = 262_144

const model = z.string().nullish()
/** vLLM's two forms. */
const settings = { model, add_special_tokens: z.boolean().nullish(), return_token_strs: z.boolean().nullish() }
const chatBody = z
  .looseObject({ ...settings, ...promptFields })
  .check(({ value, issues }) => void issues.push(...rejectTemplate(value)))
  .transform((body) => ({ ...body, kind: 'chat' as const }))
const promptBody = z
  .looseObject({ ...settings, prompt: z.string() })
  .transform((body) => ({ ...body, kind: 'prompt' as const }))
/** llama-server's. */
const contentBody = z
  .looseObject({
    model,
    content: z.string(),
    add_special: z.boolean().nullish(),
    parse_special: z.literal(true, 'control tokens are always read where they are written: leave it out').nullish(),
    with_pieces: z.boolean().nullish(),
  })
  .transform((body) => ({ ...body, kind: 'content' as const }))

/** The body of POST /tokenize. */
export const tokenizeBody = z.union([chatBody, contentBody, promptBody])

type Body = z.output<typeof tokenizeBody>

/** POST /tokenize: the ids of a text or a chat, asked and answered as vLLM does, and as llama-server does where it has `content`. */
export function tokenize({ loadModel, loadService }: Pick<Answers, 'loadModel' | 'loadService'>) {
  return new Hono().post('/tokenize', async (c) => {
    const { body, source } = await jsonBody<z.ZodType<Body>>(c, (json) =>
      'messages' in json ? chatBody : 'content' in json ? contentBody : promptBody,
    )
    const chat = await loadModel()
    checkModelName(chat, body.model)
    const { tokenizer } = chat
    const ids = await idsOf(chat, body, source, c.req.raw.signal)
    if (body.kind === 'content')
      return c.json({ tokens: body.with_pieces ? ids.map((id) => piece(tokenizer, id)) : ids })
    return c.json({
      count: ids.length,
      max_model_len: contextLengthOf(chat.language, await loadService(chat)),
      tokens: ids,
      token_strs: body.return_token_strs ? ids.map((id) => textOf(tokenizer, id)) : null,
    })
  })
}

async function idsOf(chat: ChatModel, body: Body, source: string, signal: AbortSignal): Promise<readonly number[]> {
  switch (body.kind) {
    case 'chat': {
      const messages = withExactJson({ messages: body.messages, tools: body.tools ?? undefined }, source)
      return (await chatPrompt(chat, { ...messages, ...templateSettings(body) }, MAX_TOKENS, signal)).ids
    }
    case 'prompt': {
      const addBos = chat.addBos && body.add_special_tokens !== false
      return (await encodeText({ ...chat, addBos }, body.prompt, MAX_TOKENS, signal)).ids
    }
    case 'content': {
      const addBos = chat.addBos && body.add_special === true
      return (await encodeText({ ...chat, addBos }, body.content, MAX_TOKENS, signal)).ids
    }
  }
}

/** As llama-server has it: the bytes where they are no text. */
function piece(tokenizer: Tokenizer, id: number) {
  const bytes = tokenizer.bytes(id)
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  return { id, piece: text.includes('\ufffd') ? [...bytes] : (spelling(tokenizer, id) ?? text) }
}

/** The text of one token. */
function textOf(tokenizer: Tokenizer, id: number): string {
  return spelling(tokenizer, id) ?? new TextDecoder('utf-8', { ignoreBOM: true }).decode(tokenizer.bytes(id))
}

import { z } from 'zod'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { type OriginClient, sameIds } from './clients/client.ts'
import { clientOf } from './clients/kinds.ts'
import { OriginError, type OriginErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'

export interface OriginFacts {
  /** Tokens that prompt and answer may have at the origin together; undefined: it does not say. */
  readonly contextLength: number | undefined
  /** Why token ids cannot be exchanged, but only text; undefined: they can. */
  readonly textOnly: string | undefined
  /** The token that it puts before a text by itself, and that a text must not begin with; undefined: none is known. */
  readonly addedId: number | undefined
}

// Scripts, spaces, digits, emoji, code, and the tokens that frame a chat. No text follows an added token: there even the
// two usual tokenizers of Nanbeige ('slow' and 'fast') differ, with the same vocabulary.
const PROBES = [
  'Hello, world! This is a probe.',
  '  two  spaces\n\n\tand a tab ',
  'naïve café, Привет мир, 你好，世界, 日本語テスト, 😀👩‍👧',
  '0123456789 9.11 vs 9.8',
  'def f(x):\n    return x**2  # ok\n',
  '<|im_start|>',
  '<|im_end|>',
]

const length = z.int().positive().nullish().catch(undefined)
const model = z.object({
  id: z.string(),
  aliases: z.array(z.string()).nullish().catch(undefined),
  /** vLLM and SGLang */
  max_model_len: length,
  /** llama-server: of one slot */
  meta: z.object({ n_ctx: length }).nullish().catch(undefined),
})
/** Of other models nothing is asked, so that their entries may be of any form. */
const models = z.object({
  data: z
    .array(z.unknown())
    .max(20_000)
    .transform((list) => list.flatMap((entry) => model.safeParse(entry).data ?? [])),
})
/** Of the names that it has and of the ids that it makes, what an error repeats. */
const MAX_TOLD = 20

/** Throws OriginError, `wrong_model` where the origin does not serve the configured model. */
export async function checkOrigin(exchange: Exchange, tokenizer: Tokenizer): Promise<OriginFacts> {
  const client = clientOf(exchange.config.kind)
  const contextLength = await checkModel(exchange, client)
  return { contextLength, ...(await compareTokenizers(exchange, client, tokenizer)) }
}

async function checkModel(exchange: Exchange, client: OriginClient): Promise<number | undefined> {
  const { model } = exchange.config
  const { success, data } = models.safeParse(await exchange.json('/v1/models'))
  if (!success) throw exchange.error('garbage', '/v1/models answers no list of models.')
  const isOurs = ({ id, aliases }: (typeof data.data)[number]) =>
    id === model || aliases?.includes(model) || client.means?.(id, model)
  const found = data.data.find(isOurs)
  if (!found) {
    const names =
      data.data
        .slice(0, MAX_TOLD)
        .map(({ id }) => `'${id}'`)
        .join(', ') || 'none'
    throw exchange.error('wrong_model', `it does not serve '${model}'; its models: ${names}.`)
  }
  return found.max_model_len ?? found.meta?.n_ctx ?? undefined
}

async function compareTokenizers(
  exchange: Exchange,
  client: OriginClient,
  tokenizer: Tokenizer,
): Promise<Pick<OriginFacts, 'textOnly' | 'addedId'>> {
  let addedId: number | undefined
  if (!client.tokenize) return { addedId, textOnly: `origins of kind '${exchange.config.kind}' take text` }
  try {
    for (const text of PROBES) {
      const ours = tokenizer.encode(text)
      const { ids: theirs, ...told } = await client.tokenize(exchange, text, ours)
      addedId = told.addedId ?? addedId
      if (sameIds(ours, theirs)) continue
      const some = `${theirs.slice(0, MAX_TOLD).join(' ')}${theirs.length > MAX_TOLD ? ' …' : ''}`
      return { addedId, textOnly: `its tokenizer is not ours: it cuts ${JSON.stringify(text)} into ${some}` }
    }
    return { addedId, textOnly: undefined }
  } catch (error) {
    if (!(error instanceof OriginError) || !NO_TOKENIZER.has(error.code)) throw error
    return { addedId, textOnly: `its tokenizer cannot be compared with ours: ${error.message}` }
  }
}

/** How a proxy that lets only /v1 through refuses. */
const NO_TOKENIZER = new Set<OriginErrorCode>(['wrong_model', 'unauthorized', 'bad_request', 'redirected'])

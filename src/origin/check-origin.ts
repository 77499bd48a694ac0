import { z } from 'zod'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { tokenIds } from './clients/client.ts'
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
  const contextLength = await checkModel(exchange)
  return { contextLength, ...(await compareTokenizers(exchange, tokenizer)) }
}

async function checkModel(exchange: Exchange): Promise<number | undefined> {
  const { kind, model } = exchange.config
  const { success, data } = models.safeParse(await exchange.json('/v1/models'))
  if (!success) throw exchange.error('garbage', '/v1/models answers no list of models.')
  // A llama-server has one model; unless told --alias, it names it by the path of its file.
  const isOurs = ({ id, aliases }: (typeof data.data)[number]) =>
    id === model || aliases?.includes(model) || (kind === 'llama-server' && id.split('/').at(-1) === model)
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
  tokenizer: Tokenizer,
): Promise<Pick<OriginFacts, 'textOnly' | 'addedId'>> {
  const { kind } = exchange.config
  let addedId: number | undefined
  if (kind === 'openai') return { addedId, textOnly: "origins of kind 'openai' take text" }
  try {
    for (const text of PROBES) {
      const theirs = await tokenize(exchange, text)
      const ours = tokenizer.encode(text)
      // SGLang puts a BOS token before a text where the model wants one.
      if (kind === 'sglang' && theirs.length === ours.length + 1) addedId = theirs.shift()
      const same = ours.length === theirs.length && ours.every((id, index) => id === theirs[index])
      if (same) continue
      // Of what it puts before a text by itself llama-server's list is free, unless it is asked for.
      if (kind === 'llama-server') {
        const [first] = await tokenize(exchange, PROBES[0], true)
        if (first !== (await tokenize(exchange, PROBES[0]))[0]) addedId = first
      }
      const told = `${theirs.slice(0, MAX_TOLD).join(' ')}${theirs.length > MAX_TOLD ? ' …' : ''}`
      return { addedId, textOnly: `its tokenizer is not ours: it cuts ${JSON.stringify(text)} into ${told}` }
    }
    return { addedId, textOnly: undefined }
  } catch (error) {
    if (!(error instanceof OriginError) || !NO_TOKENIZER.has(error.code)) throw error
    return { addedId, textOnly: `its tokenizer cannot be compared with ours: ${error.message}` }
  }
}

/** How a proxy that lets only /v1 through refuses. */
const NO_TOKENIZER = new Set<OriginErrorCode>(['wrong_model', 'unauthorized', 'bad_request', 'redirected'])

const tokenized = z.object({ tokens: tokenIds })

/** `addSpecial`: with what llama-server puts before a text, as before the prompt of a completion. */
async function tokenize(exchange: Exchange, text: string, addSpecial = false): Promise<number[]> {
  const { kind, model } = exchange.config
  if (kind === 'sglang') return tokenizeBySglang(exchange, text)
  const body =
    kind === 'llama-server'
      ? { content: text, add_special: addSpecial, parse_special: true }
      : { model, prompt: text, add_special_tokens: false }
  const { success, data } = tokenized.safeParse(await exchange.json('/tokenize', body))
  if (!success) throw exchange.error('garbage', '/tokenize answers no tokens.')
  return [...data.tokens]
}

const inputLogprobs = z.object({
  meta_info: z.object({
    input_token_logprobs: z
      .array(z.unknown())
      .max(1000)
      .pipe(z.array(z.tuple([z.number().nullable(), z.int()], z.unknown()))),
  }),
})

/** Only later versions have /tokenize; all report the tokens of a prompt beside its logprobs. */
async function tokenizeBySglang(exchange: Exchange, text: string): Promise<number[]> {
  const answer = await exchange.json('/generate', {
    text,
    sampling_params: { max_new_tokens: 1, temperature: 0 },
    return_logprob: true,
    logprob_start_len: 0,
  })
  const { success, data } = inputLogprobs.safeParse(answer)
  if (!success) throw exchange.error('garbage', '/generate reports no tokens of a prompt.')
  return data.meta_info.input_token_logprobs.map(([, id]) => id)
}

import { z } from 'zod'
import type { Exchange } from '../exchange.ts'
import {
  type CompletionRequest,
  type OriginChunk,
  type OriginClient,
  type OriginFinish,
  sameIds,
  tokenIds,
} from './client.ts'
import { endingOf } from './ending.ts'
import { lostIds } from './lost-ids.ts'
import { postTokenize } from './post-tokenize.ts'
import { openAiSampling } from './sampling.ts'

const answer = z.object({
  content: z.string().nullish(),
  tokens: tokenIds,
  stop: z.boolean(),
  tokens_predicted: z.int().nonnegative(),
  stop_type: z.string().nullish(),
})
type Answer = z.infer<typeof answer>

/**
 * llama-server's native /completion with ids in and out.
 * https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
 *
 * A stream holds text back until its characters are whole, and then gives the id of the last token only, while
 * tokens_predicted counts them all. The ids before it are found from the text (lost-ids.ts). Where that cannot be, the
 * stream is given up and the lost tokens are asked for again without streaming, which gives every id.
 */
export const llamaServer: OriginClient = {
  owner: 'llamacpp',

  async *complete(exchange, request): AsyncGenerator<OriginChunk, OriginFinish> {
    const ids = [...request.promptIds]
    for (;;) {
      const left = request.maxTokens - (ids.length - request.promptIds.length)
      if (left <= 0) return 'length'
      const lost = yield* streamed(exchange, { ...request, promptIds: ids, maxTokens: left }, ids)
      if (typeof lost === 'string') return lost
      const whole = await fetched(exchange, { ...request, promptIds: ids, maxTokens: lost })
      ids.push(...whole.tokens)
      yield { ids: whole.tokens, logprobs: undefined }
      if (whole.stop_type === 'eos') return 'stop'
    }
  },

  dialect: 'gbnf',

  async tokenize(exchange, text, ours) {
    const ids = await tokenize(exchange, text, false)
    return sameIds(ids, ours) ? { ids } : { ids, addedId: await addedId(exchange) }
  },

  /** It has one model; unless told --alias, it names it by the path of its file. */
  means: (id, model) => id.split('/').at(-1) === model,

  lacks: {
    stopRules: 'it has no min_tokens, and its ignore_eos bans the EOS token.',
    penalties: 'its presence and frequency penalties count the prompt too.',
    logprobs: 'it leaves out the logprobs of tokens that are no whole character.',
  },
}

/** `addSpecial`: with what it puts before a text, as before the prompt of a completion. */
function tokenize(exchange: Exchange, text: string, addSpecial: boolean): Promise<readonly number[]> {
  return postTokenize(exchange, { content: text, add_special: addSpecial, parse_special: true })
}

/** Of what it puts before a text by itself its list is free, unless it is asked for. */
async function addedId(exchange: Exchange): Promise<number | undefined> {
  const [first] = await tokenize(exchange, 'a', true)
  return first === (await tokenize(exchange, 'a', false))[0] ? undefined : first
}

/** Appends to `ids` what it yields. Returns how the answer ended, or how many tokens to ask for again. */
async function* streamed(
  exchange: Exchange,
  request: CompletionRequest,
  ids: number[],
): AsyncGenerator<OriginChunk, OriginFinish | number> {
  let received = 0
  for await (const chunk of exchange.events('/completion', body(request, true), answer, true)) {
    const count = chunk.tokens_predicted - received
    if (count < chunk.tokens.length || chunk.tokens_predicted > request.maxTokens) {
      const { tokens, tokens_predicted: counted } = chunk
      throw exchange.error('garbage', `${tokens.length} ids came, and it counts ${counted} tokens after ${received}.`)
    }
    if (chunk.stop) return count > 0 ? count : endingOf(exchange, chunk.stop_type ?? 'none')
    const complete = count === chunk.tokens.length ? chunk.tokens : withLostIds(request, chunk, count)
    if (!complete) return count
    received += count
    ids.push(...complete)
    if (count > 0) yield { ids: complete, logprobs: undefined }
  }
  throw exchange.error('stream_cut', 'the stream ended before the answer.')
}

function withLostIds({ tokenizer }: CompletionRequest, { content, tokens }: Answer, count: number) {
  if (tokens.length !== 1) return undefined
  const lost = lostIds(tokenizer, content ?? '', tokens[0], count)
  return lost && [...lost, tokens[0]]
}

async function fetched(exchange: Exchange, request: CompletionRequest): Promise<Answer> {
  const { success, data: whole } = answer.safeParse(await exchange.json('/completion', body(request, false)))
  if (!success) throw exchange.error('garbage', 'what it sent is no completion.')
  if (whole.tokens.length === 0 || whole.tokens.length !== whole.tokens_predicted) {
    throw exchange.error('ids_lost', `${whole.tokens.length} ids came for ${whole.tokens_predicted} tokens.`)
  }
  return whole
}

function body({ promptIds, maxTokens, sampling, grammar }: CompletionRequest, stream: boolean) {
  return {
    prompt: promptIds,
    n_predict: maxTokens,
    // The edge's order (src/generate/sampler.ts); by default the temperature comes last here.
    samplers: ['penalties', 'temperature', 'min_p', 'top_k', 'top_p'],
    ...openAiSampling(sampling),
    // Older versions take pairs only.
    logit_bias: [...sampling.logitBias],
    top_k: sampling.topK,
    min_p: sampling.minP,
    repeat_penalty: sampling.repetitionPenalty,
    // All tokens, not the last 64; newer versions refuse the older way to say so, -1.
    repeat_last_n: promptIds.length + maxTokens,
    ...(grammar !== undefined && { grammar }),
    stream,
    return_tokens: true,
    cache_prompt: true,
  }
}

import { z } from 'zod'
import type { Exchange } from '../exchange.ts'
import { type CompletionRequest, type OriginChunk, type OriginClient, type OriginFinish, tokenIds } from './client.ts'
import { endingOf } from './ending.ts'
import { extendedSampling, openAiSampling, stopRuleFields } from './sampling.ts'

const chunk = z.object({
  output_ids: tokenIds,
  meta_info: z.object({
    completion_tokens: z.int().nonnegative(),
    finish_reason: z
      .object({
        type: z.string(),
        matched: z.unknown().optional(),
        message: z.string().nullish(),
        status_code: z.number().nullish().catch(undefined),
      })
      .nullish(),
  }),
})
type Chunk = z.infer<typeof chunk>

const inputLogprobs = z.object({
  meta_info: z.object({
    input_token_logprobs: z
      .array(z.unknown())
      .max(1000)
      .pipe(z.array(z.tuple([z.number().nullable(), z.int()], z.unknown()))),
  }),
})

/**
 * SGLang's native /generate with ids in and out.
 * https://docs.sglang.io/basic_usage/sampling_params.html
 */
export const sglang: OriginClient = {
  owner: 'sglang',

  async *complete(exchange, request): AsyncGenerator<OriginChunk, OriginFinish> {
    let received = 0
    for await (const event of exchange.events('/generate', body(request), chunk, false)) {
      const { finish_reason: reason } = event.meta_info
      // Its ids are not read: how many there are of an aborted answer differs, and whoever goes on makes them again.
      if (reason?.type === 'abort' && reason.message) {
        throw exchange.failure({ words: reason.message, status: reason.status_code ?? undefined })
      }
      const ids = newIds(exchange, event, received)
      received += ids.length
      if (ids.length > 0) yield { ids, logprobs: undefined }
      if (reason) return endingOf(exchange, reason.type)
    }
    throw exchange.error('stream_cut', 'the stream ended before the answer.')
  },

  textFields: ({ sampling, stopRules }) => ({ ...extendedSampling(sampling), ...stopRuleFields(stopRules) }),

  /** Only later versions have /tokenize; all report the tokens of a prompt beside its logprobs. */
  async tokenize(exchange, text, ours) {
    const answer = await exchange.json('/generate', {
      text,
      sampling_params: { max_new_tokens: 1, temperature: 0 },
      return_logprob: true,
      logprob_start_len: 0,
    })
    const { success, data } = inputLogprobs.safeParse(answer)
    if (!success) throw exchange.error('garbage', '/generate reports no tokens of a prompt.')
    const ids = data.meta_info.input_token_logprobs.map(([, id]) => id)
    // It puts a BOS token before a text where the model wants one.
    return ids.length === ours.length + 1 ? { ids: ids.slice(1), addedId: ids[0] } : { ids }
  },

  lacks: { logprobs: 'its logprobs are those after the temperature.' },
}

function body({ promptIds, maxTokens, sampling, stopRules, grammar }: CompletionRequest) {
  const { min_tokens, ...rules } = stopRuleFields(stopRules)
  const { seed, ...fields } = openAiSampling(sampling)
  return {
    input_ids: promptIds,
    sampling_params: {
      max_new_tokens: maxTokens,
      ...fields,
      ...extendedSampling(sampling),
      ...rules,
      ...(min_tokens !== undefined && { min_new_tokens: min_tokens }),
      ...(seed !== undefined && { sampling_seed: seed }),
      ...(grammar !== undefined && { ebnf: grammar }),
    },
    stream: true,
  }
}

/**
 * A chunk has all ids so far, or the new ones where the server was started with --stream-output (in later versions
 * --incremental-streaming-output): the count of tokens tells which. The EOS token is counted, but some versions leave its id out.
 */
function newIds(exchange: Exchange, { output_ids: ids, meta_info }: Chunk, received: number): readonly number[] {
  const eos = meta_info.finish_reason?.matched
  const leftOut = typeof eos === 'number' && ids.at(-1) !== eos ? 1 : 0
  const reported = ids.length + leftOut
  if (reported === meta_info.completion_tokens) return ids.slice(received)
  if (reported + received === meta_info.completion_tokens) return ids
  throw exchange.error('ids_lost', `${reported} ids came for ${meta_info.completion_tokens} tokens.`)
}

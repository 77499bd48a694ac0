import { z } from 'zod'
import type { Exchange } from '../exchange.ts'
import type { CompletionRequest, OriginChunk, OriginClient, OriginFinish } from './client.ts'

const chunk = z.object({
  output_ids: z.array(z.int().nonnegative()),
  meta_info: z.object({
    completion_tokens: z.int().nonnegative(),
    finish_reason: z
      .object({ type: z.string(), matched: z.union([z.int(), z.string()]).nullish(), message: z.string().nullish() })
      .nullish(),
  }),
})
type Chunk = z.infer<typeof chunk>

/**
 * SGLang's native /generate with ids in and out.
 * https://docs.sglang.io/basic_usage/sampling_params.html
 */
export const sglang: OriginClient = {
  takes: 'ids',

  async *complete(exchange, request): AsyncGenerator<OriginChunk, OriginFinish> {
    let received = 0
    for await (const event of exchange.events('/generate', body(request), false)) {
      const { success, data } = chunk.safeParse(event)
      if (!success) throw exchange.error('garbage', 'an event of the stream is no chunk of /generate.')
      const { finish_reason: reason } = data.meta_info
      if (reason?.type === 'abort') {
        throw exchange.error('server_error', `the origin aborted the answer: ${reason.message}.`)
      }
      const ids = newIds(exchange, data, received)
      received += ids.length
      if (ids.length > 0) yield { ids, logprobs: undefined }
      if (reason) return reason.type === 'length' ? 'length' : 'stop'
    }
    throw exchange.error('stream_cut', 'the stream ended before the answer.')
  },
}

function body({ promptIds, maxTokens, sampling }: CompletionRequest) {
  return {
    input_ids: promptIds,
    sampling_params: {
      max_new_tokens: maxTokens,
      temperature: sampling.temperature,
      top_p: sampling.topP,
      top_k: sampling.topK > 0 ? sampling.topK : -1,
      min_p: sampling.minP,
      repetition_penalty: sampling.repetitionPenalty,
      presence_penalty: sampling.presencePenalty,
      frequency_penalty: sampling.frequencyPenalty,
      ...(sampling.logitBias.size > 0 && { logit_bias: Object.fromEntries(sampling.logitBias) }),
      ...(sampling.seed !== undefined && { sampling_seed: sampling.seed }),
    },
    stream: true,
  }
}

/**
 * A chunk has all ids so far, or the new ones where the server was started with --stream-output (in later versions
 * --incremental-streaming-output): the count of tokens tells which. The EOS token is counted, but some versions leave its id out.
 */
function newIds(exchange: Exchange, { output_ids: ids, meta_info }: Chunk, received: number): number[] {
  const eos = meta_info.finish_reason?.matched
  const leftOut = typeof eos === 'number' && ids.at(-1) !== eos ? 1 : 0
  const reported = ids.length + leftOut
  if (reported === meta_info.completion_tokens) return ids.slice(received)
  if (reported + received === meta_info.completion_tokens) return ids
  throw exchange.error('ids_lost', `${reported} ids came for ${meta_info.completion_tokens} tokens.`)
}

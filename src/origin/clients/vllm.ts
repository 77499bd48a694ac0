import { z } from 'zod'
import type { TokenLogprobs } from '../../generate/types.ts'
import type { Exchange } from '../exchange.ts'
import type { CompletionRequest, OriginChunk, OriginClient, OriginFinish } from './client.ts'
import { extendedSampling, openAiSampling } from './openai-sampling.ts'

const logprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullish(),
})
const chunk = z.object({
  choices: z.array(
    z.object({
      token_ids: z.array(z.int().nonnegative()).nullish(),
      finish_reason: z.string().nullish(),
      logprobs: logprobs.nullish(),
    }),
  ),
})
const failure = z.object({ error: z.object({ message: z.string() }) })

/**
 * vLLM's /v1/completions with ids in and out. Its text is never used: when a prompt ends inside a character, the chunk that
 * completes the character repeats the whole prompt as text (seen with 0.32.0), while the ids stay right.
 * https://docs.vllm.ai/en/latest/serving/openai_compatible_server/
 */
export const vllm: OriginClient = {
  takes: 'ids',

  async *complete(exchange, request): AsyncGenerator<OriginChunk, OriginFinish> {
    for await (const event of exchange.events('/v1/completions', body(exchange, request), false)) {
      const { success, data } = chunk.safeParse(event)
      if (!success) throw unreadable(exchange, event)
      const [choice] = data.choices
      if (!choice) continue
      const { token_ids: ids, finish_reason: reason } = choice
      if (!ids) throw exchange.error('ids_lost', 'a chunk of the stream has no token_ids.')
      if (ids.length > 0) yield { ids, logprobs: tokenLogprobs(exchange, choice.logprobs, ids, request.topLogprobs) }
      if (reason === 'stop' || reason === 'length') return reason
      if (reason) throw exchange.error('server_error', `the origin ended the answer with '${reason}'.`)
    }
    throw exchange.error('stream_cut', 'the stream ended before the answer.')
  },
}

function body({ config }: Exchange, { promptIds, maxTokens, sampling, topLogprobs }: CompletionRequest) {
  return {
    model: config.model,
    prompt: promptIds,
    max_tokens: maxTokens,
    ...openAiSampling(sampling),
    ...extendedSampling(sampling),
    stream: true,
    return_token_ids: true,
    skip_special_tokens: false,
    spaces_between_special_tokens: false,
    // Token texts are ambiguous: two ids may have the same.
    ...(topLogprobs !== undefined && { logprobs: topLogprobs, return_tokens_as_token_ids: true }),
  }
}

/** vLLM reports a failure in mid-stream as an event. */
function unreadable(exchange: Exchange, event: unknown) {
  const { success, data } = failure.safeParse(event)
  return success
    ? exchange.error('server_error', `the stream ended with the error: ${data.error.message}.`)
    : exchange.error('garbage', 'an event of the stream is no completion chunk.')
}

function tokenLogprobs(
  exchange: Exchange,
  reported: z.infer<typeof logprobs> | null | undefined,
  ids: readonly number[],
  count: number | undefined,
): TokenLogprobs[] | undefined {
  if (count === undefined) return undefined
  if (reported?.token_logprobs.length !== ids.length) {
    throw exchange.error('garbage', `${reported?.token_logprobs.length ?? 0} logprobs came for ${ids.length} tokens.`)
  }
  return ids.map((_, index) => ({
    logprob: reported.token_logprobs[index] ?? Number.NEGATIVE_INFINITY,
    top: Object.entries(reported.top_logprobs?.[index] ?? {})
      .map(([token, logprob]) => ({ id: Number(token.replace('token_id:', '')), logprob }))
      .sort((a, b) => b.logprob - a.logprob)
      // The sampled token is added to the likeliest ones.
      .slice(0, count),
  }))
}

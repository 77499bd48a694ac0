import { z } from 'zod'
import type { TokenLogprobs } from '../../generate/types.ts'
import type { Exchange } from '../exchange.ts'
import {
  type CompletionRequest,
  firstChoice,
  type OriginChunk,
  type OriginClient,
  type OriginFinish,
  tokenIds,
} from './client.ts'
import { endingOf } from './ending.ts'
import { postTokenize } from './post-tokenize.ts'
import { extendedSampling, openAiSampling, stopRuleFields } from './sampling.ts'

// Looked into only where they are asked for, by the ids.
const logprobs = z.object({ token_logprobs: z.array(z.unknown()), top_logprobs: z.array(z.unknown()).nullish() })
type Logprobs = z.infer<typeof logprobs>
const chunk = z.object({
  choices: firstChoice(
    z.object({ token_ids: tokenIds.nullish(), finish_reason: z.string().nullish(), logprobs: logprobs.nullish() }),
  ),
})

/**
 * vLLM's /v1/completions with ids in and out. Its text is never used: when a prompt ends inside a character, the chunk that
 * completes the character repeats the whole prompt as text (seen with 0.32.0), while the ids stay right.
 * https://docs.vllm.ai/en/latest/serving/openai_compatible_server/
 */
export const vllm: OriginClient = {
  owner: 'vllm',

  async *complete(exchange, request): AsyncGenerator<OriginChunk, OriginFinish> {
    for await (const { choices: choice } of exchange.events('/v1/completions', body(exchange, request), chunk, false)) {
      if (!choice) continue
      const { token_ids: ids, finish_reason: reason } = choice
      if (!ids) throw exchange.error('ids_lost', 'a chunk of the stream has no token_ids.')
      if (ids.length > 0) yield { ids, logprobs: tokenLogprobs(exchange, choice.logprobs, ids, request) }
      if (reason) return endingOf(exchange, reason)
    }
    throw exchange.error('stream_cut', 'the stream ended before the answer.')
  },

  textFields: ({ sampling, stopRules, textIsWhole }) => ({
    ...extendedSampling(sampling),
    ...stopRuleFields(stopRules),
    // Otherwise it begins with the BOS token twice.
    add_special_tokens: !textIsWhole,
  }),

  async tokenize(exchange, text) {
    const { model } = exchange.config
    return { ids: await postTokenize(exchange, { model, prompt: text, add_special_tokens: false }) }
  },
}

function body(
  { config }: Exchange,
  { promptIds, maxTokens, sampling, stopRules, grammar, topLogprobs }: CompletionRequest,
) {
  return {
    model: config.model,
    prompt: promptIds,
    max_tokens: maxTokens,
    ...openAiSampling(sampling),
    ...extendedSampling(sampling),
    ...stopRuleFields(stopRules),
    // Since 0.11; earlier ones do not read the field, and what they write is held to the grammar token by token.
    ...(grammar !== undefined && { structured_outputs: { grammar } }),
    stream: true,
    return_token_ids: true,
    skip_special_tokens: false,
    spaces_between_special_tokens: false,
    // Token texts are ambiguous: two ids may have the same.
    ...(topLogprobs !== undefined && { logprobs: topLogprobs, return_tokens_as_token_ids: true }),
  }
}

function tokenLogprobs(
  exchange: Exchange,
  reported: Logprobs | null | undefined,
  ids: readonly number[],
  { topLogprobs: count, tokenizer }: CompletionRequest,
): TokenLogprobs[] | undefined {
  if (count === undefined) return undefined
  if (reported?.token_logprobs.length !== ids.length) {
    throw exchange.error('garbage', `${reported?.token_logprobs.length ?? 0} logprobs came for ${ids.length} tokens.`)
  }
  return ids.map((_, index) => ({
    logprob: logprobOf(exchange, reported.token_logprobs[index]),
    top: Object.entries(reported.top_logprobs?.[index] ?? {})
      // The sampled token is added to the likeliest ones; that more come is no reason to look at all of them.
      .slice(0, count + 1)
      .map(([token, logprob]) => ({
        id: idOf(exchange, token, tokenizer.vocabSize),
        logprob: logprobOf(exchange, logprob),
      }))
      .sort((a, b) => b.logprob - a.logprob)
      .slice(0, count),
  }))
}

/** Of a token that return_tokens_as_token_ids writes as `token_id:N`. */
function idOf(exchange: Exchange, token: string, vocabSize: number): number {
  const id = /^token_id:\d+$/.test(token) ? Number(token.slice('token_id:'.length)) : Number.NaN
  if (id < vocabSize) return id
  throw exchange.error('garbage', `${JSON.stringify(token.slice(0, 40))} is no token id, which its logprobs must name.`)
}

/** null: too unlikely for a number. */
function logprobOf(exchange: Exchange, value: unknown): number {
  if (value === null) return Number.NEGATIVE_INFINITY
  if (typeof value === 'number') return value
  throw exchange.error('garbage', 'a logprob is no number.')
}

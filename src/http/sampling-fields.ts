import { z } from 'zod'
import { list, tokenIds } from './bounded.ts'

/** Generous beside OpenAI's 4; every one is searched for at every token. */
export const MAX_STOP_STRINGS = 16
const MAX_STOP_LENGTH = 1024
const MAX_STOP_TOKENS = 128
const MAX_BIASES = 4096
/** Logits are divided and multiplied by it as float32: beyond these bounds they are no numbers any more, or all the same. */
const MIN_REPETITION_PENALTY = 1e-3
const MAX_REPETITION_PENALTY = 1e3
/** int64, as in vLLM. */
const MAX_SEED = 2 ** 63

export const stopString = z.string().min(1, 'a stop string must not be empty').max(MAX_STOP_LENGTH)
const logitBias = z
  .record(z.string(), z.unknown())
  .refine((bias) => Object.keys(bias).length <= MAX_BIASES, `expected at most ${MAX_BIASES} token ids`)
  .pipe(z.record(z.string().regex(/^(0|[1-9]\d*)$/, 'expected a token id'), z.number().min(-100).max(100)))
const penalty = z.number().min(-2).max(2).nullish()

/** How tokens are chosen, and when an answer ends, in every endpoint with OpenAI's names and those that vLLM added. */
export const samplingFields = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().min(MIN_REPETITION_PENALTY).max(MAX_REPETITION_PENALTY).nullish(),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  logit_bias: logitBias.nullish(),
  seed: z.number().min(-MAX_SEED).max(MAX_SEED).refine(Number.isInteger, 'expected an integer').nullish(),
  stop: z.union([stopString, list(stopString, MAX_STOP_STRINGS)]).nullish(),
  min_tokens: z.int().nonnegative().nullish(),
  stop_token_ids: tokenIds(MAX_STOP_TOKENS).nullish(),
  ignore_eos: z.boolean().nullish(),
}

type SamplingFields = z.infer<z.ZodObject<typeof samplingFields>>

/** The settings behind these fields, their OpenAI names and nulls left behind. */
export function samplingSettings(body: SamplingFields) {
  return {
    sampling: {
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      // -1 is vLLM's way to say "all tokens".
      topK: body.top_k == null ? undefined : Math.max(body.top_k, 0),
      minP: body.min_p ?? undefined,
      repetitionPenalty: body.repetition_penalty ?? undefined,
      presencePenalty: body.presence_penalty ?? undefined,
      frequencyPenalty: body.frequency_penalty ?? undefined,
      logitBias: body.logit_bias
        ? new Map(Object.entries(body.logit_bias).map(([id, bias]) => [Number(id), bias]))
        : undefined,
      // -1 is llama.cpp's and vLLM's way to say "any".
      seed: body.seed == null || body.seed === -1 ? undefined : body.seed,
    },
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    minTokens: body.min_tokens ?? undefined,
    stopTokenIds: body.stop_token_ids ?? undefined,
    ignoreEos: body.ignore_eos ?? undefined,
  }
}

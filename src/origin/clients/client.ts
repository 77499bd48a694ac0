import { z } from 'zod'
import type { SamplingParams, TokenLogprobs } from '../../generate/types.ts'
import type { Tokenizer } from '../../tokenizer/tokenizer.ts'
import type { Exchange } from '../exchange.ts'

export interface CompletionRequest {
  /** Of the prompt and all that was generated, what the client takes. */
  readonly promptIds: readonly number[]
  readonly text: string
  /** The text begins with all that the ids begin with: no BOS token is missing, which an origin would have to add. */
  readonly textIsWhole: boolean
  readonly maxTokens: number
  readonly sampling: SamplingParams
  /** Alternatives to report beside each token's logprob; undefined: no logprobs. */
  readonly topLogprobs: number | undefined
  /** The edge's own, which agrees with the origin's where ids are exchanged. */
  readonly tokenizer: Tokenizer
}

/** Ids with the logprobs of each, where asked for; or text and how many tokens the origin counts for it. */
export type OriginChunk =
  | { readonly ids: readonly number[]; readonly logprobs: readonly TokenLogprobs[] | undefined }
  | { readonly text: string; readonly count: number }

/** 'stop': at an EOS token, which may be the last id or left out. */
export type OriginFinish = 'stop' | 'length'

/** Token ids of an event. One predicate: of a million wrong ones zod would make a million issues. */
export const tokenIds = z.custom<readonly number[]>(
  (value) => Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0),
)

/** The one choice that is asked for, of those that an event of OpenAI's completions has. */
export function firstChoice<Choice>(choice: z.ZodType<Choice>) {
  return z
    .array(z.unknown())
    .max(128)
    .transform((choices) => choices.find((each) => Number((each as { index?: unknown } | null)?.index ?? 0) === 0))
    .pipe(choice.optional())
}

/** How an origin of one kind is spoken to. All methods throw OriginError. */
export interface OriginClient {
  readonly takes: 'ids' | 'text'
  /** Continues the prompt. Closing the generator closes the connection, which makes the origin stop. */
  complete(exchange: Exchange, request: CompletionRequest): AsyncGenerator<OriginChunk, OriginFinish>
}

import { z } from 'zod'
import type { SamplingParams, StopRules, TokenLogprobs } from '../../generate/types.ts'
import type { Dialect } from '../../grammar/print-class.ts'
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
  readonly stopRules: StopRules
  /** EBNF of all that may follow, in the client's dialect; undefined: whatever the model says. */
  readonly grammar: string | undefined
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

/** Continues a prompt. Closing the generator closes the connection, which makes the origin stop. Throws OriginError. */
export type Complete = (exchange: Exchange, request: CompletionRequest) => AsyncGenerator<OriginChunk, OriginFinish>

/** What an origin's tokenizer makes of a text. */
export interface Tokenized {
  /** Without the token that it puts before a text by itself. */
  readonly ids: readonly number[]
  /** That token, where it shows. */
  readonly addedId?: number
}

/** All that is peculiar to the origins of one kind. */
export interface OriginClient {
  /** Continues token ids; left out: it takes text only. */
  readonly complete?: Complete
  /** Of the grammars that it is sent; left out: XGrammar's. */
  readonly dialect?: Dialect
  /** Fields that its /v1/completions take beside OpenAI's, the rest of the sampling among them; left out: none. */
  readonly textFields?: (request: CompletionRequest) => object
  /** What its tokenizer makes of a text, of which ours makes `ours`; left out: it does not tell. Throws OriginError. */
  readonly tokenize?: (exchange: Exchange, text: string, ours: readonly number[]) => Promise<Tokenized>
  /** What its list of models says in `owned_by`; left out: anything. */
  readonly owner?: string
  /** Whether an id in its list of models means the configured one, though it is written otherwise. */
  readonly means?: (id: string, model: string) => boolean
  /** Why it cannot do exactly what is asked; left out: it can. */
  readonly lacks?: {
    readonly penalties?: string
    /** Of min_tokens and ignore_eos. */
    readonly stopRules?: string
    /** Of token ids: nobody reports those of text. */
    readonly logprobs?: string
  }
}

export function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}

import type { SamplingParams, StopRules } from '../generate/types.ts'
import type { Dialect } from '../grammar/print-class.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { CompletionRequest } from './clients/client.ts'
import { OriginError } from './errors.ts'
import type { History } from './history.ts'
import type { OpenGrammar } from './open-grammar.ts'

/** The least that OpenAI's logit_bias takes. */
const LEAST_BIAS = -100
/** Characters; longer than any added token that a prompt begins with. */
const LONGEST_TOKEN = 64

export interface ContinueRequest {
  /** Prompt and all tokens so far. */
  readonly history: History
  /** Tokens still to come at most. */
  readonly maxTokens: number
  readonly sampling: SamplingParams
  /** Tokens that end the answer, those of the stop rules among them. */
  readonly eosIds: readonly number[]
  readonly stopRules: StopRules
  /** Never to be sampled; an origin that takes text cannot be told. */
  readonly bannedIds: readonly number[]
  readonly topLogprobs: number | undefined
  /** What the tokens to come are held to; undefined: nothing. */
  readonly grammar: OpenGrammar | undefined
  readonly signal: AbortSignal
}

/** What an origin is, as far as the form of a request depends on it. */
interface AskedOrigin {
  readonly name: string
  readonly takes: 'ids' | 'text'
  readonly dialect: Dialect
  /** Tokens that its context holds. */
  readonly contextLength: number
  /** The token that it puts before a text by itself. */
  readonly addedId: number | undefined
  readonly tokenizer: Tokenizer
}

/** What a client is asked. Throws OriginError where the answer cannot go on there from where it stands. */
export function completionRequest(
  { history, sampling, stopRules, topLogprobs, maxTokens, bannedIds, grammar }: ContinueRequest,
  { name, takes, dialect, contextLength, addedId, tokenizer }: AskedOrigin,
): CompletionRequest {
  const rest = grammar?.rest(dialect)
  if (grammar && rest === undefined) {
    throw new OriginError(name, 'unsupported', 'no grammar says what may follow in the middle of the open one.')
  }
  const text = takes === 'text' ? history.text() : ''
  if (text === undefined) {
    throw new OriginError(name, 'unsupported', 'it takes text, and no text says yet what the tokens do.')
  }
  const promptIds = history.ids()
  const room = contextLength - promptIds.length
  if (room <= 0) {
    throw new OriginError(name, 'context_exceeded', `${promptIds.length} tokens do not fit into ${contextLength}.`)
  }
  const most = Math.min(maxTokens, room)
  const beginsWith = tokenizer.encode(text.slice(0, LONGEST_TOKEN))[0]
  const bans = takes === 'ids' ? bannedIds.map((id): [number, number] => [id, LEAST_BIAS]) : []
  // Each part of an answer takes other random numbers.
  const seed = sampling.seed === undefined ? undefined : seedOfPart(sampling.seed, history.length)
  return {
    promptIds,
    text: beginsWith === addedId ? withoutFirstToken(text, addedId, tokenizer) : text,
    textIsWhole: beginsWith === promptIds[0],
    maxTokens: most,
    sampling: { ...sampling, seed, logitBias: new Map([...sampling.logitBias, ...bans]) },
    // It counts its own tokens only, and refuses to make more than it may.
    stopRules: { ...stopRules, minTokens: Math.max(0, Math.min(stopRules.minTokens - history.length, most)) },
    grammar: rest,
    topLogprobs,
    tokenizer,
  }
}

/** @param id of an added token, with whose text a prompt begins. */
function withoutFirstToken(text: string, id: number | undefined, tokenizer: Tokenizer): string {
  for (let length = 1; length <= LONGEST_TOKEN; length++) {
    if (id !== undefined && tokenizer.addedToken(text.slice(0, length)) === id) return text.slice(length)
  }
  return text
}

/** Below 2^31 and no negative number, which some servers take for "any". */
function seedOfPart(seed: number, part: number): number {
  const range = 2 ** 31
  return ((((seed % range) + part) % range) + range) % range
}

import type { Decision } from '../route/policy.ts'
import type { Notice, Rescue, Source, SourceReason } from '../route/source.ts'

/** A token in OpenAI's chat form of logprobs. */
export interface ChatTokenLogprob {
  /** The token's text; U+FFFD stands for bytes that are no characters by themselves. */
  readonly token: string
  /** The bytes of the text; null for tokens that never show in text. */
  readonly bytes: readonly number[] | null
  readonly logprob: number
}

export interface ChatLogprob extends ChatTokenLogprob {
  readonly top_logprobs: readonly ChatTokenLogprob[]
}

export interface Usage {
  readonly promptTokens: number
  /** Those of the prompt that a KV cache had: an earlier answer, to this request or another one, began with the same. */
  readonly cachedTokens: number
  /** Sampled and forced tokens, without the EOS token. */
  readonly completionTokens: number
  /** Those of them that are reasoning, with the tags around it. */
  readonly reasoningTokens: number
  /** Where the completion tokens were made. */
  readonly edgeTokens: number
  readonly originTokens: number
  /** What was done last about a loop; undefined: there was none. */
  readonly rescued?: Rescue
}

/** What took how long, in ms: until the first token, from the turn on or the request to an origin, and from there to the end. */
export interface Timings {
  readonly promptMs: number
  readonly predictedMs: number
}

export type FinishReason = 'stop' | 'length' | 'tool_calls'

/** What is told of the way of an answer, beside what it says. */
export type RouteEvent =
  /** What follows is another's: the edge's, or this origin's. The first one comes before all that is said. */
  | {
      readonly type: 'source'
      readonly source: Source
      /** undefined: the edge. */
      readonly origin: string | undefined
      readonly reason: SourceReason
      /** Of the answer so far. */
      readonly edgeTokens: number
    }
  /** `tokens`: of the answer so far. */
  | (Notice & { readonly tokens: number })
  /** It goes round in circles. */
  | { readonly type: 'rescued'; readonly tokens: number; readonly rescue: Rescue }

export type ChatEvent =
  | RouteEvent
  /** The request is valid, and has a place; nothing was computed yet. */
  | { readonly type: 'start'; readonly promptTokens: number; readonly route: Decision }
  /** The text may be empty where there are logprobs. */
  | { readonly type: 'reasoning'; readonly text: string; readonly logprobs?: readonly ChatLogprob[] }
  | { readonly type: 'content'; readonly text: string; readonly logprobs?: readonly ChatLogprob[] }
  /** A call begins; `index` counts these events. */
  | { readonly type: 'toolCall'; readonly index: number; readonly name: string }
  /** More of its arguments: a slice of the JSON text that the model wrote. */
  | { readonly type: 'toolCallArguments'; readonly index: number; readonly text: string }
  /** It was none: its whole text comes as content. */
  | { readonly type: 'toolCallRevoked'; readonly index: number }
  | {
      readonly type: 'finish'
      readonly reason: FinishReason
      /** Which of the request's stop strings has ended the answer; undefined: none. */
      readonly stopString: string | undefined
      readonly usage: Usage
      readonly timings: Timings
      readonly route: Decision
    }

/** A token of a prompt: the first has no logprob, since nothing precedes it. */
export interface PromptLogprob extends Omit<ChatLogprob, 'logprob'> {
  readonly logprob: number | null
}

/** The tokens of a prompt, where their logprobs were asked for. */
export interface PromptEvent {
  readonly type: 'prompt'
  readonly logprobs: readonly PromptLogprob[]
}

/** An event of one of the answers to a request, which count from 0. */
export interface AnswersEvent {
  readonly answer: number
  readonly event: ChatEvent | PromptEvent
}

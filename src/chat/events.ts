import type { Decision } from '../route/policy.ts'

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
  /** Sampled and forced tokens, without the EOS token. */
  readonly completionTokens: number
  /** Those of them that are reasoning, with the tags around it. */
  readonly reasoningTokens: number
  /** Where the completion tokens were made. */
  readonly edgeTokens: number
  readonly originTokens: number
}

export type FinishReason = 'stop' | 'length' | 'tool_calls'

export type ChatEvent =
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
      readonly route: Decision
    }

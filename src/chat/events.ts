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
  readonly completionTokens: number
}

export type FinishReason = 'stop' | 'length'

export type ChatEvent =
  /** The request is valid; nothing was computed yet. */
  | { readonly type: 'start'; readonly promptTokens: number }
  | { readonly type: 'content'; readonly text: string; readonly logprobs?: readonly ChatLogprob[] }
  | { readonly type: 'finish'; readonly reason: FinishReason; readonly usage: Usage }

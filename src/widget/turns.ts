/** Who computes tokens: the edge itself, or a GPU origin that has taken over. */
export type Source = 'edge' | 'origin'

/** A place in an answer at which another source went on. */
export interface Move {
  readonly to: Source
  /** Name of the origin. */
  readonly origin?: string
  /** Why, as the server says it. */
  readonly reason?: string
  /** The part in which it happened, and how many UTF-16 code units of that part came before. */
  readonly part: 'reasoning' | 'content'
  readonly at: number
  /** Tokens of the answer before it. */
  readonly tokens: number
  /** Tokens a second before and after it, as far as they are known. */
  readonly speedBefore?: number
  readonly speedAfter?: number
}

export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON, as far as it has come. */
  readonly arguments: string
  /** 'asking': the reader is asked whether it may run. */
  readonly state: 'streaming' | 'asking' | 'running' | 'done' | 'failed' | 'refused'
  readonly result?: string
  readonly ms?: number
}

/** What went wrong with an answer, for the reader. */
export interface TurnError {
  readonly code: string
  readonly message: string
  /** When it is tried again by itself, as Date.now() counts. */
  readonly retryAt?: number
}

interface AnyTurn {
  readonly id: string
  /** The turn that it follows; undefined: it begins the conversation. */
  readonly parent: string | undefined
  readonly content: string
  /** As Date.now() counts. */
  readonly createdAt: number
}

export interface UserTurn extends AnyTurn {
  readonly role: 'user'
}

export interface AssistantTurn extends AnyTurn {
  readonly role: 'assistant'
  /** What the model thought before its answer; it is shown, but not part of the conversation. */
  readonly reasoning: string
  readonly toolCalls: readonly ToolCall[]
  /** 'stopped' by the reader, 'cut' at the length limit, 'failed' with an error. 'waiting': before the first token. */
  readonly state: 'waiting' | 'streaming' | 'reconnecting' | 'done' | 'stopped' | 'cut' | 'failed'
  readonly reasoningTokens: number
  readonly answerTokens: number
  /** As Date.now() counts: the first token, the end of the thinking, the end. */
  readonly firstTokenAt?: number
  readonly thoughtAt?: number
  readonly endedAt?: number
  /** Of the newest token. */
  readonly source?: Source
  /** The edge has stopped, and the first token of the origin is awaited. */
  readonly moving: boolean
  readonly moves: readonly Move[]
  /** The origin was lost, a loop was ended: told beside the answer. */
  readonly events: readonly ('recovered' | 'rescued')[]
  /** Not even a heartbeat has come for long. */
  readonly stalled: boolean
  readonly usage?: { readonly edgeTokens: number; readonly originTokens: number; readonly cachedTokens: number }
  readonly error?: TurnError
  /** Where the stream can be taken up again. */
  readonly completion?: { readonly id: string; readonly lastEventId?: string }
}

export type Turn = UserTurn | AssistantTurn

/** A turn as it is shown: one of several that follow the same turn. */
export interface ShownTurn {
  readonly turn: Turn
  /** 0-based, among `branches`. */
  readonly branch: number
  readonly branches: number
}

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
  /** When its first token came, as Date.now() counts. */
  readonly time: number
  /** Tokens a second before it, and after it until the next move or the end, as far as they are known. */
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
  /** What the model is told: a text, or JSON. */
  readonly result?: string
  readonly ms?: number
}

/** What went wrong with an answer, for the reader. */
export interface TurnError {
  readonly code: string
  readonly message: string
  /** The message is the server's, in a language of its choice. */
  readonly byServer?: boolean
  /**
   * What helps: 'key': another key; 'context': fewer turns, or a summary of them; 'busy': time; 'lost': to continue, as the rest of the
   * answer cannot be had any more; 'connection': to try again; 'other': what the message says.
   */
  readonly kind: 'key' | 'context' | 'busy' | 'lost' | 'connection' | 'other'
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

/** Follows a question; after tool calls another one follows it with what the model makes of their results. */
export interface AssistantTurn extends AnyTurn {
  readonly role: 'assistant'
  /** What the model thought before its answer; it is shown, but not part of the conversation. */
  readonly reasoning: string
  readonly toolCalls: readonly ToolCall[]
  /**
   * 'stopped' by the reader, 'cut' at the length limit, 'failed' with an error. 'waiting': before the first token; of an answer that is asked
   * for again what there was is shown until then.
   */
  readonly state: 'waiting' | 'streaming' | 'reconnecting' | 'done' | 'stopped' | 'cut' | 'failed'
  /** Counted as they come, and told exactly by the server at the end. */
  readonly reasoningTokens: number
  readonly answerTokens: number
  /** As Date.now() counts: the first token, the end of the thinking, the end. */
  readonly firstTokenAt?: number
  readonly thoughtAt?: number
  readonly endedAt?: number
  /** Of the newest token. */
  readonly source?: Source
  /** Of the first token, as the server says it. */
  readonly began?: { readonly source: Source; readonly origin?: string; readonly reason?: string }
  /** The edge has stopped, and the first token of the origin is awaited. */
  readonly moving: boolean
  readonly moves: readonly Move[]
  /** The origin was lost, a loop was ended: told beside the answer. */
  readonly events: readonly ('recovered' | 'rescued')[]
  /** Not even a heartbeat has come for long. */
  readonly stalled: boolean
  readonly usage?: Usage
  readonly error?: TurnError
  /** Where the stream can be taken up again: what it says up to this event stands in this turn. */
  readonly completion?: { readonly id: string; readonly lastEventId?: string }
  /** What there was before it was continued. */
  readonly before?: Counted
  /** The one that did not come to its end; its text is shown until this one has some. */
  readonly insteadOf?: string
  /** The first turn that the model was sent, where older ones had no room. */
  readonly contextFrom?: string
}

/** The tokens of an answer. */
export type Counted = Pick<AssistantTurn, 'usage' | 'reasoningTokens' | 'answerTokens'>

export interface Usage {
  readonly edgeTokens: number
  readonly originTokens: number
  readonly cachedTokens: number
  /** What became of a loop: an origin went on, or the thinking was ended. */
  readonly rescued?: 'origin' | 'answer'
}

export type Turn = UserTurn | AssistantTurn

/** A turn as it is shown: one of several that follow the same turn. */
export interface ShownTurn {
  readonly turn: Turn
  /** 0-based, among `branches`. */
  readonly branch: number
  readonly branches: number
}

/** A message that was typed during an answer, and waits its turn. */
export interface QueuedMessage {
  readonly id: string
  readonly content: string
}

/** A conversation in the list. */
export interface ListedConversation {
  readonly id: string
  readonly title: string
  /** As Date.now() counts: its newest turn. */
  readonly updatedAt: number
  /** An answer in it is under way. */
  readonly answering: boolean
}

/** What a page may be told while it happens. */
export type ChatEvent =
  | { readonly type: 'send'; readonly turn: UserTurn }
  | { readonly type: 'reasoning'; readonly turn: AssistantTurn }
  | { readonly type: 'handover'; readonly turn: AssistantTurn; readonly move: Move }
  | { readonly type: 'tool-call'; readonly turn: AssistantTurn; readonly call: ToolCall }
  | { readonly type: 'finish'; readonly turn: AssistantTurn }
  | { readonly type: 'error'; readonly turn: AssistantTurn; readonly error: TurnError }

/** A tool that the model may call and the page runs. */
export interface Tool {
  readonly name: string
  readonly description?: string
  /** JSON Schema of the arguments. */
  readonly parameters?: object
  /** It runs without a question to the reader. */
  readonly allowed?: boolean
  /** @param args as parsed from the model's JSON. What it returns, or what its error says, is told to the model. */
  run(args: unknown, options: { readonly signal: AbortSignal }): unknown
}

/** A new one for each request, as they may end within minutes. */
export type TokenProvider = () => string | Promise<string>

/** What a reader or a page may set. */
export interface Settings {
  /** How long the model may think; left out: as the server has it. */
  readonly effort?: 'none' | 'low' | 'medium' | 'high'
  readonly systemPrompt?: string
  readonly model?: string
  readonly temperature?: number
  readonly topP?: number
  readonly maxTokens?: number
  readonly seed?: number
  /** API key; kept while the tab is open only. */
  readonly key?: string
  /** Names of the tools that the reader allows always. */
  readonly allowedTools?: readonly string[]
}

/** The element, as the state knows it. */
export interface ChatHost {
  readonly endpoint: string
  readonly tokenProvider?: TokenProvider
  readonly tools?: readonly Tool[]
  /** What holds where the reader has set nothing. */
  readonly defaults?: Settings
  /** Something has changed. */
  requestUpdate(): void
  chatEvent?(event: ChatEvent): void
}

/** Whether more of an answer is to come. */
export function isUnfinished(turn: Turn): boolean {
  return (
    turn.role === 'assistant' &&
    (turn.state === 'waiting' ||
      turn.state === 'streaming' ||
      turn.state === 'reconnecting' ||
      turn.toolCalls.some(({ state }) => state === 'running'))
  )
}

/** @param id of a turn, a conversation, a message. */
export function newId(): string {
  // Not randomUUID: pages without https have none.
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

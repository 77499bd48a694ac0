// What a page may rely on: the types of the npm package.
import type { Texts } from './texts.ts'
import type { ChatEvent, Settings, TokenProvider, Tool } from './turns.ts'

export type { Texts } from './texts.ts'
export type {
  AssistantTurn,
  ChatEvent,
  Move,
  Source,
  TokenProvider,
  Tool,
  ToolCall,
  Turn,
  TurnError,
  Usage,
  UserTurn,
} from './turns.ts'

/** `send`, `reasoning`, `handover`, `tool-call`, `finish` and `error`, with what they tell as `detail`. */
export type NanbeigeChatEventMap = {
  readonly [Type in ChatEvent['type']]: CustomEvent<Omit<Extract<ChatEvent, { readonly type: Type }>, 'type'>>
}

/** <nanbeige-chat>: a chat with a model behind an OpenAI-compatible endpoint. */
export interface NanbeigeChatElement extends HTMLElement {
  /** Origin of the server, such as https://chat.example.com; '': the page's own. */
  endpoint: string
  /** Its name at the server; undefined: the server's own. */
  model: string | undefined
  /** Everybody who sees the page can read it: pages on the open web have a `tokenProvider` instead. */
  apiKey: string | undefined
  /** Is asked for a token before each request. */
  tokenProvider: TokenProvider | undefined
  systemPrompt: string | undefined
  /** How long the model may think, until the reader chooses. */
  effort: Settings['effort']
  temperature: number | undefined
  topP: number | undefined
  maxTokens: number | undefined
  seed: number | undefined
  /** What the model may call, and the page runs. */
  tools: readonly Tool[] | undefined
  /** 'open': thoughts are shown while they come, and fold when the answer begins. */
  thoughts: 'open' | 'closed'
  /** Above the chat; undefined: the model's name. */
  heading: string | undefined
  placeholder: string | undefined
  /** First questions to choose from. */
  suggestions: readonly string[]
  /** Words of the page in place of the element's own. */
  texts: Partial<Texts> | undefined

  /** Asks as if the reader had; during an answer it waits for its end. */
  ask(message: string): void
  /** Ends the answer under way; its text stays. */
  stop(): void
  newConversation(): void

  addEventListener<Type extends keyof NanbeigeChatEventMap>(
    type: Type,
    listener: (this: NanbeigeChatElement, event: NanbeigeChatEventMap[Type]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void
  removeEventListener<Type extends keyof NanbeigeChatEventMap>(
    type: Type,
    listener: (this: NanbeigeChatElement, event: NanbeigeChatEventMap[Type]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | EventListenerOptions,
  ): void
}

/** <nanbeige-chat-launcher>: a button in the corner of a page, and the chat that it opens. Fires `toggle`. */
export interface NanbeigeChatLauncherElement extends HTMLElement {
  /** What the button and the window are called; '': "Chat" in the reader's language. */
  label: string
  open: boolean
}

declare global {
  interface HTMLElementTagNameMap {
    'nanbeige-chat': NanbeigeChatElement
    'nanbeige-chat-launcher': NanbeigeChatLauncherElement
  }
}

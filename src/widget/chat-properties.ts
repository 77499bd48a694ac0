import { LitElement } from 'lit'
import type { Texts } from './texts.ts'
import type { ChatEvent, ChatHost, Settings, TokenProvider, Tool } from './turns.ts'

const number = { type: Number }

/** What a page sets of the element, and what it is told. */
export abstract class ChatProperties extends LitElement implements ChatHost {
  static override shadowRootOptions = { ...LitElement.shadowRootOptions, delegatesFocus: true }
  static override properties = {
    endpoint: { type: String },
    model: { type: String },
    apiKey: { type: String, attribute: 'api-key' },
    systemPrompt: { type: String, attribute: 'system-prompt' },
    effort: { type: String },
    temperature: number,
    topP: { type: Number, attribute: 'top-p' },
    maxTokens: { type: Number, attribute: 'max-tokens' },
    seed: number,
    tokenProvider: { attribute: false },
    tools: { attribute: false },
    thoughts: { type: String },
    heading: { type: String },
    placeholder: { type: String },
    suggestions: { attribute: false },
    lang: { type: String },
    texts: { attribute: false },
  }

  /** Origin of the server, such as https://chat.example.com; left out: the page's own. */
  declare endpoint: string
  /** Its name at the server; left out: the server's own. */
  declare model: string | undefined
  /** Pages on the open web use `tokenProvider` instead. */
  declare apiKey: string | undefined
  declare systemPrompt: string | undefined
  /** How long the model may think, until the reader chooses. */
  declare effort: Settings['effort']
  declare temperature: number | undefined
  declare topP: number | undefined
  declare maxTokens: number | undefined
  declare seed: number | undefined
  /** Gives a token for each request. */
  declare tokenProvider: TokenProvider | undefined
  /** What the model may call, and the page runs. */
  declare tools: readonly Tool[] | undefined
  /** 'open': thoughts are shown while they come, and fold when the answer begins. */
  declare thoughts: 'open' | 'closed'
  /** Above the chat; left out: the model's name. */
  declare heading: string | undefined
  declare placeholder: string | undefined
  /** First questions to choose from. */
  declare suggestions: readonly string[]
  /** Of the element's own words; left out: the page's. */
  declare lang: string
  /** The page's words in place of the element's. */
  declare texts: Partial<Texts> | undefined

  constructor() {
    super()
    this.endpoint = ''
    this.thoughts = 'closed'
    this.suggestions = []
  }

  get defaults(): Settings {
    const { model, apiKey: key, systemPrompt, effort, temperature, topP, maxTokens, seed } = this
    return { model, key, systemPrompt, effort, temperature, topP, maxTokens, seed }
  }

  /** @fires send reasoning handover tool-call finish error: they do not bubble, as a page has errors of its own. */
  chatEvent({ type, ...detail }: ChatEvent): void {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}

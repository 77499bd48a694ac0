import { ContentText } from './content-text.ts'
import type { ChatEvent } from './events.ts'
import { ReasoningText } from './reasoning-text.ts'
import { type AnswerPart, type AnswerToken, TagSplitter } from './tag-splitter.ts'
import type { Tag, Tags } from './tags.ts'
import { ToolCallScanner } from './tool-call-scanner.ts'

export interface AnswerFormat {
  /** The tags to look for. */
  readonly tags: Tags
  /** Tags that the model has no tokens for, and spells; left out: none. */
  readonly spelledTags?: readonly Tag[]
  /** The prompt has opened the reasoning. */
  readonly startsInReasoning: boolean
  /** false: the answer ends with its first tool call. */
  readonly parallelToolCalls: boolean
  /** They end the content; reasoning and tool calls may contain them, or a stop string such as a blank line would end every thought. */
  readonly stop: readonly string[]
}

interface OpenToolCall {
  readonly scanner: ToolCallScanner
  /** All that was read of it, its tag first. */
  readonly parts: AnswerPart[]
  /** undefined before its event. */
  index: number | undefined
  /** UTF-16 units of the arguments that events have told. */
  told: number
}

/**
 * From the tokens of an answer, wherever they come from, to its events. The same text joins to the same message, however it is cut.
 *
 * - <think> opens reasoning wherever it stands in content, more than once too; in reasoning it is text, as is <tool_call>. The first
 *   </think> closes; one that closes nothing is left out.
 * - A tool call is `<tool_call>{"name": "…", "arguments": {…}}</tool_call>`, of any name: whether there is such a tool is for the client to
 *   say, as with OpenAI's own models. Tags inside its strings are text.
 * - What is no such call is content, tags and all, and so is a call that the model ended its answer in. Arguments are told as they come, so
 *   that a call may be found malformed after its event: 'toolCallRevoked' says so, and its whole text follows as content.
 * - A call that the length limit cuts stays the piece that it is, as in OpenAI's API.
 */
export class AnswerParser {
  readonly #splitter: TagSplitter
  readonly #reasoning = new ReasoningText()
  readonly #content: ContentText
  readonly #parallelToolCalls: boolean
  #state: 'content' | 'reasoning' | 'toolCall'
  #call: OpenToolCall | undefined
  /** The last tag was one of reasoning. */
  #afterReasoning = false
  #toldToolCalls = 0
  #toolCalls = 0
  #reasoningTokens = 0
  #readReasoning = false
  #lastText: string | undefined

  constructor({ tags, spelledTags = [], startsInReasoning, parallelToolCalls, stop }: AnswerFormat) {
    this.#splitter = new TagSplitter(tags, spelledTags)
    this.#content = new ContentText(stop, tags.size + spelledTags.length > 0)
    this.#parallelToolCalls = parallelToolCalls
    this.#state = startsInReasoning ? 'reasoning' : 'content'
  }

  /** The stop string that has ended the answer. */
  get stopString(): string | undefined {
    return this.#content.stopString
  }

  /** The answer is complete, whatever the model would say next. */
  get stopped(): boolean {
    return this.stopString !== undefined || (this.#toolCalls > 0 && !this.#parallelToolCalls)
  }

  get inReasoning(): boolean {
    return this.#state === 'reasoning'
  }

  get inToolCall(): boolean {
    return this.#state === 'toolCall'
  }

  /** Tokens of the reasoning, its tags and the newlines that frame it among them. */
  get reasoningTokens(): number {
    return this.#reasoningTokens
  }

  /** Whole calls so far. */
  get toolCalls(): number {
    return this.#toolCalls
  }

  /** The text of the last token, '' where that left a character unfinished; undefined before the first. */
  get lastText(): string | undefined {
    return this.#lastText
  }

  push(token: AnswerToken): ChatEvent[] {
    this.#lastText = token.text
    this.#readReasoning = false
    const events = this.#readAll(this.#splitter.push(token))
    if (this.#readReasoning) this.#reasoningTokens += token.count ?? 1
    return events
  }

  /** @param text the last of the detokenizer. @param cut the length limit has ended the answer, not the model. */
  finish(text: string, cut: boolean): ChatEvent[] {
    if (this.stopped) return this.#content.finish()
    const events = this.#readAll([...this.#splitter.flush(), { text }])
    // Pieces that were told stay as they are when the answer was cut.
    if (this.#call && !(cut && this.#call.index !== undefined)) events.push(...this.#revoke(this.#call))
    return [...events, ...this.#reasoning.finish(), ...this.#content.finish()]
  }

  #readAll(parts: readonly AnswerPart[]): ChatEvent[] {
    return parts.flatMap((part) => (this.stopped ? [] : this.#read(part)))
  }

  #read(part: AnswerPart): ChatEvent[] {
    switch (this.#state) {
      case 'reasoning':
        return this.#readReasoningPart(part)
      case 'toolCall':
        return this.#readCall(part, this.#call!)
      case 'content':
        return this.#readContent(part)
    }
  }

  #readReasoningPart(part: AnswerPart): ChatEvent[] {
    if (part.tag === '</think>') return this.#frameReasoning(part, 'content')
    this.#readReasoning = true
    return this.#reasoning.push(part.text, part.logprob)
  }

  #readContent(part: AnswerPart): ChatEvent[] {
    const { tag, text, logprob } = part
    switch (tag) {
      case '<think>':
        return this.#frameReasoning(part, 'reasoning')
      case '</think>':
        return this.#frameReasoning(part, 'content')
      case '<tool_call>':
        this.#state = 'toolCall'
        this.#call = { scanner: new ToolCallScanner(), parts: [part], index: undefined, told: 0 }
        this.#afterReasoning = false
        return this.#content.tag()
    }
    const events = this.#content.push(text, logprob)
    if (events) return events
    return this.#afterReasoning ? this.#frameReasoning(part, 'content') : []
  }

  /** A tag around reasoning, or newlines behind it. */
  #frameReasoning({ logprob }: AnswerPart, next: 'content' | 'reasoning'): ChatEvent[] {
    this.#state = next
    this.#readReasoning = true
    this.#afterReasoning = true
    return [...this.#content.tag(), ...this.#reasoning.frame(logprob)]
  }

  #readCall(part: AnswerPart, call: OpenToolCall): ChatEvent[] {
    if (part.tag === undefined || call.scanner.inString) {
      call.parts.push(part)
      call.scanner.push(part.text)
      return call.scanner.state === 'malformed' ? this.#revoke(call) : this.#tell(call)
    }
    if (part.tag !== '</tool_call>' || call.scanner.state !== 'complete') {
      return [...this.#revoke(call), ...this.#read(part)]
    }
    this.#toolCalls++
    this.#endCall()
    return []
  }

  /** What is new in a call that is well-formed so far. */
  #tell(call: OpenToolCall): ChatEvent[] {
    const { name, arguments: text } = call.scanner
    if (name === undefined || text === undefined) return []
    const events: ChatEvent[] = []
    if (call.index === undefined) {
      call.index = this.#toldToolCalls++
      events.push({ type: 'toolCall', index: call.index, name })
    }
    if (text.length > call.told) {
      events.push({ type: 'toolCallArguments', index: call.index, text: text.slice(call.told) })
      call.told = text.length
    }
    return events
  }

  #revoke(call: OpenToolCall): ChatEvent[] {
    this.#endCall()
    const revoked: ChatEvent[] = call.index === undefined ? [] : [{ type: 'toolCallRevoked', index: call.index }]
    const events = call.parts.flatMap(({ text, logprob }) => this.#content.push(text, logprob) ?? [])
    return [...revoked, ...events]
  }

  #endCall(): void {
    this.#call = undefined
    this.#state = 'content'
  }
}

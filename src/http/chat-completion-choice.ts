import type { ChatEvent, ChatLogprob, PromptEvent, RouteEvent } from '../chat/events.ts'

/** What an answer says, without the events around it. */
export type SayingEvent = Exclude<ChatEvent, { type: 'start' | 'finish' } | RouteEvent>

const SAYS: ReadonlySet<string> = new Set<SayingEvent['type']>([
  'reasoning',
  'content',
  'toolCall',
  'toolCallArguments',
  'toolCallRevoked',
])

export function isSaying(event: ChatEvent | PromptEvent): event is SayingEvent {
  return SAYS.has(event.type)
}

/** An event as the delta and logprobs of a chunk's choice; undefined where OpenAI's API has no way to say it. */
export function chunkChoice(event: SayingEvent) {
  switch (event.type) {
    case 'content':
      return { delta: { content: event.text }, logprobs: logprobsObject(event.logprobs ?? [], []) }
    case 'reasoning':
      return { delta: reasoningFields(event.text), logprobs: logprobsObject([], event.logprobs ?? []) }
    case 'toolCall':
      return toolCallChoice({ index: event.index, ...newToolCall(event.name) })
    case 'toolCallArguments':
      return toolCallChoice({ index: event.index, function: { arguments: event.text } })
    case 'toolCallRevoked':
      return undefined
  }
}

function toolCallChoice(call: object) {
  return { delta: { tool_calls: [call] }, logprobs: null }
}

/** The message and logprobs of a whole completion, joined from its events. */
export class WholeChoice {
  #content = ''
  #reasoning = ''
  readonly #toolCalls = new Map<number, ReturnType<typeof newToolCall>>()
  readonly #contentLogprobs: ChatLogprob[] = []
  readonly #reasoningLogprobs: ChatLogprob[] = []

  add(event: SayingEvent): void {
    switch (event.type) {
      case 'content':
        this.#content += event.text
        this.#contentLogprobs.push(...(event.logprobs ?? []))
        break
      case 'reasoning':
        this.#reasoning += event.text
        this.#reasoningLogprobs.push(...(event.logprobs ?? []))
        break
      case 'toolCall':
        this.#toolCalls.set(event.index, newToolCall(event.name))
        break
      case 'toolCallArguments':
        this.#toolCalls.get(event.index)!.function.arguments += event.text
        break
      case 'toolCallRevoked':
        this.#toolCalls.delete(event.index)
    }
  }

  get message() {
    const toolCalls = [...this.#toolCalls.values()]
    return {
      role: 'assistant',
      content: this.#content === '' && toolCalls.length > 0 ? null : this.#content,
      refusal: null,
      ...reasoningFields(this.#reasoning),
      ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
    }
  }

  get logprobs() {
    return logprobsObject(this.#contentLogprobs, this.#reasoningLogprobs)
  }
}

/** Under both names that are in use: DeepSeek's and SGLang's, OpenRouter's and newer vLLM's. */
function reasoningFields(text: string) {
  return text ? { reasoning_content: text, reasoning: text } : {}
}

function newToolCall(name: string) {
  return { id: `call_${crypto.randomUUID().replaceAll('-', '')}`, type: 'function', function: { name, arguments: '' } }
}

/** As in OpenAI's API, `content` has the tokens of the content and no others; those of the reasoning have a list of their own. */
function logprobsObject(content: readonly ChatLogprob[], reasoning: readonly ChatLogprob[]) {
  if (content.length === 0 && reasoning.length === 0) return null
  return { content: content.length > 0 ? content : null, refusal: null, ...(reasoning.length > 0 ? { reasoning } : {}) }
}

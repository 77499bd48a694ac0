import type { ChatEvent, FinishReason } from '../chat/events.ts'
import { loopTurn } from '../generate/turn.ts'
import { chunkChoice, WholeChoice } from './chat-completion-choice.ts'

/** Makes the objects of one chat completion, whole or in chunks, in OpenAI's form. */
export class CompletionObjects {
  readonly #id: string
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #model: string

  constructor(id: string, model: string) {
    this.#id = id
    this.#model = model
  }

  /** The whole completion, from the events after its start. `beat` is called at each of them. */
  async completion(events: AsyncIterable<ChatEvent>, beat: () => void) {
    const choice = new WholeChoice()
    for await (const event of events) {
      if (event.type === 'finish') {
        const { message, logprobs } = choice
        return {
          ...this.#head('chat.completion'),
          choices: [{ index: 0, message, logprobs, finish_reason: event.reason }],
          usage: usageObject(event),
        }
      }
      beat()
      if (event.type !== 'start') choice.add(event)
    }
    throw new Error('the events of a completion ended without a finish')
  }

  /**
   * The chunks of a stream, from the events after its start; with `includeUsage` every chunk has a usage, null in all but the last.
   */
  async *chunks(events: AsyncIterable<ChatEvent>, includeUsage: boolean) {
    const usage = includeUsage ? { usage: null } : {}
    yield { ...this.#chunk({ role: 'assistant', content: '' }), ...usage }
    for await (const event of events) {
      switch (event.type) {
        case 'start':
          break
        case 'finish':
          yield { ...this.#chunk({}, null, event.reason), ...usage }
          if (includeUsage) {
            yield { ...this.#head('chat.completion.chunk'), choices: [], usage: usageObject(event) }
          }
          break
        default: {
          const choice = chunkChoice(event)
          if (!choice) break
          yield { ...this.#chunk(choice.delta, choice.logprobs), ...usage }
          // To ask for the next token, through all that stands between, would hold this one back.
          await loopTurn()
        }
      }
    }
  }

  #head(object: string) {
    return { id: this.#id, object, created: this.#created, model: this.#model }
  }

  #chunk(delta: object, logprobs: object | null = null, finishReason: FinishReason | null = null) {
    return {
      ...this.#head('chat.completion.chunk'),
      choices: [{ index: 0, delta, logprobs, finish_reason: finishReason }],
    }
  }
}

function usageObject({ usage, route: { route, reason } }: Extract<ChatEvent, { type: 'finish' }>) {
  const { promptTokens, completionTokens, reasoningTokens, edgeTokens, originTokens } = usage
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
    nanbeige: { route, reason, edge_tokens: edgeTokens, origin_tokens: originTokens },
  }
}

import type { ChatEvent, ChatLogprob, FinishReason, Usage } from '../chat/events.ts'

/** Makes the objects of one chat completion, whole or in chunks, in OpenAI's form. */
export class CompletionObjects {
  readonly #id = `chatcmpl-${crypto.randomUUID()}`
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #model: string

  constructor(model: string) {
    this.#model = model
  }

  /** The whole completion. */
  async completion(events: AsyncIterable<ChatEvent>) {
    let content = ''
    const logprobs: ChatLogprob[] = []
    for await (const event of events) {
      if (event.type === 'content') {
        content += event.text
        logprobs.push(...(event.logprobs ?? []))
      } else if (event.type === 'finish') {
        return {
          ...this.#head('chat.completion'),
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content, refusal: null },
              logprobs: logprobsObject(logprobs),
              finish_reason: event.reason,
            },
          ],
          usage: usageObject(event.usage),
        }
      }
    }
    throw new Error('the events of a completion ended without a finish')
  }

  /** The chunks of a stream; with `includeUsage` every chunk has a usage, null in all but the last. */
  async *chunks(events: AsyncIterable<ChatEvent>, includeUsage: boolean) {
    const usage = includeUsage ? { usage: null } : {}
    for await (const event of events) {
      switch (event.type) {
        case 'start':
          yield { ...this.#chunk({ role: 'assistant', content: '' }), ...usage }
          break
        case 'content':
          yield { ...this.#chunk({ content: event.text }, event.logprobs), ...usage }
          break
        case 'finish':
          yield { ...this.#chunk({}, undefined, event.reason), ...usage }
          if (includeUsage) {
            yield { ...this.#head('chat.completion.chunk'), choices: [], usage: usageObject(event.usage) }
          }
      }
    }
  }

  #head(object: string) {
    return { id: this.#id, object, created: this.#created, model: this.#model }
  }

  #chunk(delta: object, logprobs: readonly ChatLogprob[] = [], finishReason: FinishReason | null = null) {
    return {
      ...this.#head('chat.completion.chunk'),
      choices: [{ index: 0, delta, logprobs: logprobsObject(logprobs), finish_reason: finishReason }],
    }
  }
}

function logprobsObject(content: readonly ChatLogprob[]) {
  return content.length > 0 ? { content, refusal: null } : null
}

function usageObject({ promptTokens, completionTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}

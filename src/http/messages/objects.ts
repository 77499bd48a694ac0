import type { ChatEvent, Usage } from '../../chat/events.ts'
import { loopTurn } from '../../generate/turn.ts'
import { isSaying } from '../chat-completion-choice.ts'
import { noticeFields, SourceFields } from '../route-fields.ts'
import { type FinishEvent, usageObject as openAiUsage } from '../usage.ts'
import { AnswerBlocks, type BlockOptions } from './answer-blocks.ts'
import { WholeBlocks } from './whole-blocks.ts'

export interface MessageOptions extends BlockOptions {
  readonly id: string
  readonly model: string
  readonly inputTokens: number
  readonly maxTokens: number
}

/** Makes the objects of one message, whole or streamed, in Anthropic's form. */
export class MessageObjects {
  readonly #options: MessageOptions
  readonly #blocks: AnswerBlocks

  constructor(options: MessageOptions) {
    this.#options = options
    this.#blocks = new AnswerBlocks(options)
  }

  /** The whole message, from the events after its start. `beat` is called at each of them. */
  async message(events: AsyncIterable<ChatEvent>, beat: () => void) {
    const whole = new WholeBlocks()
    for await (const event of events) {
      if (event.type === 'finish') {
        for (const said of this.#blocks.end()) whole.add(said)
        return { ...this.#message(whole.blocks), ...this.#ending(event), usage: usageObject(event) }
      }
      beat()
      if (!isSaying(event)) continue
      for (const said of this.#blocks.push(event)) whole.add(said)
    }
    throw new Error('the events of a message ended without a finish')
  }

  /** The events of a stream, from the events after its start. */
  async *stream(events: AsyncIterable<ChatEvent>) {
    yield { type: 'message_start', message: this.#message([]) }
    const sources = new SourceFields()
    for await (const event of events) {
      if (event.type === 'start') continue
      if (event.type === 'source') {
        sources.hold(0, event)
      } else if (event.type === 'finish') {
        yield* this.#blocks.end()
        yield { type: 'message_delta', delta: this.#ending(event), usage: usageObject(event) }
        yield { type: 'message_stop' }
      } else if (!isSaying(event)) {
        // Clients know this event, and some throw at those that they do not know.
        yield { type: 'ping', ...noticeFields(event, 0) }
      } else {
        for (const said of this.#blocks.push(event)) yield { ...said, ...sources.take(0) }
        // To ask for the next token, through all that stands between, would hold this one back.
        await loopTurn()
      }
    }
  }

  #message(content: readonly object[]) {
    const { id, model, inputTokens } = this.#options
    const unknown = { stop_reason: null, stop_sequence: null, stop_details: null, container: null, diagnostics: null }
    return {
      id,
      type: 'message',
      role: 'assistant',
      model,
      content,
      ...unknown,
      usage: tokens({ promptTokens: inputTokens, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 }),
    }
  }

  #ending({ reason, stopString, usage }: FinishEvent) {
    return {
      stop_reason: this.#stopReason(reason, stopString, usage),
      stop_sequence: stopString ?? null,
      stop_details: null,
      container: null,
    }
  }

  #stopReason(reason: FinishEvent['reason'], stopString: string | undefined, { completionTokens, rescued }: Usage) {
    switch (reason) {
      case 'tool_calls':
        return 'tool_use'
      case 'length':
        return completionTokens < this.#options.maxTokens && rescued !== 'end'
          ? 'model_context_window_exceeded'
          : 'max_tokens'
      case 'stop':
        return stopString === undefined ? 'end_turn' : 'stop_sequence'
    }
  }
}

function usageObject(finish: FinishEvent) {
  return { ...tokens(finish.usage), nanbeige: openAiUsage([finish]).nanbeige }
}

function tokens({
  promptTokens,
  cachedTokens,
  completionTokens,
  reasoningTokens,
}: Omit<Usage, 'edgeTokens' | 'originTokens'>) {
  return {
    // As in Anthropic's API, those of the cache are not among them.
    input_tokens: promptTokens - cachedTokens,
    output_tokens: completionTokens,
    output_tokens_details: { thinking_tokens: reasoningTokens },
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    cache_creation: null,
    server_tool_use: null,
    service_tier: 'standard',
    inference_geo: null,
    speed: null,
  }
}

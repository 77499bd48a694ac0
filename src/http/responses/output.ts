import type { ResponseOutputText, ResponseStreamEvent } from 'openai/resources/responses/responses'
import type { ChatLogprob } from '../../chat/events.ts'
import type { SayingEvent } from '../chat-completion-choice.ts'
import { itemId, type ResponseId } from './ids.ts'
import { logprobObjects, type OutputItem } from './objects.ts'

type Unnumbered<Event> = Event extends unknown ? Omit<Event, 'sequence_number'> : never
export type OutputEvent = Unnumbered<ResponseStreamEvent>
type Reasoning = Extract<OutputItem, { type: 'reasoning' }>
type Message = Extract<OutputItem, { type: 'message' }>
type FunctionCall = Extract<OutputItem, { type: 'function_call' }>

/** The items of a response, from what its generation says. What is told of them is yielded before the next change. */
export class ResponseOutput {
  /** What the response has said, the item that it is at among it. */
  readonly items: OutputItem[] = []
  readonly #response: ResponseId
  readonly #inputItems: number
  readonly #summarizes: boolean
  #open: OutputItem | undefined
  /** Items that events have told, a revoked call among them. */
  #told = 0

  /** @param inputItems of the response, whose ids come first. @param summarizes reasoning is told as its own summary too. */
  constructor(response: ResponseId, inputItems: number, summarizes: boolean) {
    this.#response = response
    this.#inputItems = inputItems
    this.#summarizes = summarizes
  }

  *push(event: SayingEvent): Generator<OutputEvent> {
    switch (event.type) {
      case 'reasoning':
        // Tokens without text are told in logprobs only, and there are none of reasoning in this API.
        if (event.text === '') return
        if (this.#open?.type !== 'reasoning') yield* this.#addReasoning()
        yield* this.#reason(this.#open as Reasoning, event.text)
        break
      case 'content':
        if (this.#open?.type !== 'message') yield* this.addMessage()
        yield* this.#say(this.#open as Message, event.text, event.logprobs)
        break
      case 'toolCall':
        yield* this.#addCall(event.name)
        break
      case 'toolCallArguments':
        yield* this.#argue(this.#open as FunctionCall, event.text)
        break
      case 'toolCallRevoked':
        // The API has no way to say it: an item that is never done, and no part of the response in the end.
        this.items.pop()
        this.#open = undefined
    }
  }

  /** The open item ends. */
  *close(status: 'completed' | 'incomplete'): Generator<OutputEvent> {
    const item = this.#open
    if (!item) return
    this.#open = undefined
    item.status = status
    const at = this.#at(item)
    switch (item.type) {
      case 'reasoning': {
        const part = item.content![0]
        yield { type: 'response.reasoning_text.done', ...at, content_index: 0, text: part.text }
        yield { type: 'response.content_part.done', ...at, content_index: 0, part }
        const [summary] = item.summary
        if (summary) {
          yield { type: 'response.reasoning_summary_text.done', ...at, summary_index: 0, text: summary.text }
          yield { type: 'response.reasoning_summary_part.done', ...at, summary_index: 0, part: summary }
        }
        break
      }
      case 'message': {
        const [part] = item.content
        const { text, logprobs = [] } = part
        yield { type: 'response.output_text.done', ...at, content_index: 0, text, logprobs }
        yield { type: 'response.content_part.done', ...at, content_index: 0, part }
        break
      }
      case 'function_call':
        yield {
          type: 'response.function_call_arguments.done',
          ...at,
          arguments: item.arguments,
          name: item.name,
        }
    }
    yield { type: 'response.output_item.done', output_index: at.output_index, item }
  }

  /** The open item stays the piece that it is, and no event says so. */
  abandon(): void {
    if (this.#open) this.#open.status = 'incomplete'
    this.#open = undefined
  }

  *#addReasoning(): Generator<OutputEvent> {
    const item: Reasoning = {
      id: this.#nextId('rs'),
      type: 'reasoning',
      status: 'in_progress',
      summary: [],
      content: [],
    }
    const at = yield* this.#add(item)
    const part = { type: 'reasoning_text' as const, text: '' }
    yield { type: 'response.content_part.added', ...at, content_index: 0, part }
    item.content!.push(part)
    if (!this.#summarizes) return
    const summary = { type: 'summary_text' as const, text: '' }
    yield { type: 'response.reasoning_summary_part.added', ...at, summary_index: 0, part: summary }
    item.summary.push(summary)
  }

  *#reason(item: Reasoning, delta: string): Generator<OutputEvent> {
    const at = this.#at(item)
    item.content![0].text += delta
    yield { type: 'response.reasoning_text.delta', ...at, content_index: 0, delta }
    const [summary] = item.summary
    if (!summary) return
    summary.text += delta
    yield { type: 'response.reasoning_summary_text.delta', ...at, summary_index: 0, delta }
  }

  /** A message begins, also one that stays empty. */
  *addMessage(): Generator<OutputEvent> {
    const item: Message = {
      id: this.#nextId('msg'),
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    }
    const at = yield* this.#add(item)
    const part: ResponseOutputText = { type: 'output_text', text: '', annotations: [], logprobs: [] }
    yield { type: 'response.content_part.added', ...at, content_index: 0, part }
    item.content.push(part)
  }

  *#say(item: Message, delta: string, logprobs: readonly ChatLogprob[] | undefined): Generator<OutputEvent> {
    const told = logprobObjects(logprobs)
    const [part] = item.content
    part.text += delta
    part.logprobs!.push(...told)
    yield { type: 'response.output_text.delta', ...this.#at(item), content_index: 0, delta, logprobs: told }
  }

  *#addCall(name: string): Generator<OutputEvent> {
    yield* this.#add({
      id: this.#nextId('fc'),
      type: 'function_call',
      status: 'in_progress',
      call_id: this.#nextId('call'),
      name,
      arguments: '',
    })
  }

  *#argue(item: FunctionCall, delta: string): Generator<OutputEvent> {
    item.arguments += delta
    yield { type: 'response.function_call_arguments.delta', ...this.#at(item), delta }
  }

  /** The item before is complete, and this one begins. Returns where its events say that it is. */
  *#add(item: OutputItem): Generator<OutputEvent, { item_id: string; output_index: number }> {
    yield* this.close('completed')
    this.#open = item
    this.items.push(item)
    this.#told++
    const at = this.#at(item)
    yield { type: 'response.output_item.added', output_index: at.output_index, item }
    return at
  }

  /** Only the item that was told last has events. */
  #at({ id }: OutputItem) {
    return { item_id: id, output_index: this.#told - 1 }
  }

  #nextId(kind: 'rs' | 'msg' | 'fc' | 'call'): string {
    return itemId(kind, this.#response, this.#inputItems + this.#told)
  }
}

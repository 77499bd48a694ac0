import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { noticeFields, SourceFields } from '../route-fields.ts'
import type { LoggedEvent, ResponseEnd } from './log.ts'
import { errorObject, type ResponseHead, type ResponseObject, responseUsage } from './objects.ts'
import { type OutputEvent, ResponseOutput } from './output.ts'

type StatusEvent =
  | 'response.created'
  | 'response.in_progress'
  | 'response.completed'
  | 'response.incomplete'
  | 'response.failed'

/** A response as the API tells it, from its head and its log: as the events of a stream, and as the object that it is at any time. */
export class ToldResponse {
  readonly #head: ResponseHead
  readonly #output: ResponseOutput
  #end: ResponseEnd | undefined
  #sequenceNumber = 0
  readonly #sources = new SourceFields()

  /** @param inputItems of its own request. */
  constructor(head: ResponseHead, inputItems: number) {
    this.#head = head
    this.#output = new ResponseOutput(head.id, inputItems, head.reasoning?.summary !== null)
  }

  /** The first events of its stream. */
  *begin(): Generator<ResponseStreamEvent> {
    yield this.#status('response.created')
    yield this.#status('response.in_progress')
  }

  /** What an event of its log comes to; all of it has to be read before the next one is told. */
  *push(event: LoggedEvent): Generator<ResponseStreamEvent> {
    if (event.type === 'source') {
      this.#sources.hold(0, event)
      return
    }
    if (event.type === 'moving' || event.type === 'recovered' || event.type === 'rescued') {
      // Clients know this event, and throw at those that they do not know.
      yield { ...this.#status('response.in_progress'), ...noticeFields(event, 0) }
      return
    }
    if (event.type !== 'end') {
      for (const told of this.#output.push(event)) yield { ...this.#numbered(told), ...this.#sources.take(0) }
      return
    }
    for (const told of this.#lastOutput(event)) yield this.#numbered(told)
    this.#end = event
    if ('finish' in event) {
      yield this.#status(`response.${event.status}`)
    } else {
      // Its form in the Open Responses specification, which SDKs raise; others see the status of the response.
      yield this.#numbered({ type: 'error', error: event.error } as never)
      yield this.#status('response.failed')
    }
  }

  /** The object as it is now. */
  get object(): ResponseObject {
    const end = this.#end
    return {
      ...this.#head,
      status: end?.status ?? 'in_progress',
      completed_at: end?.status === 'completed' ? end.at : null,
      error: end && 'error' in end ? errorObject(end.error) : null,
      incomplete_details: end?.status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
      output: this.#output.items,
      usage: end && 'finish' in end ? responseUsage(end.finish) : null,
    } as ResponseObject
  }

  *#lastOutput({ status }: ResponseEnd): Generator<OutputEvent> {
    if (status === 'failed' || status === 'cancelled') {
      this.#output.abandon()
      return
    }
    // Clients read the text of the first message: an answer of no words has one too.
    const saysNothing = this.#output.items.every(({ type }) => type === 'reasoning')
    if (status === 'completed' && saysNothing) yield* this.#output.addMessage()
    yield* this.#output.close(status)
  }

  #status(type: StatusEvent): ResponseStreamEvent {
    return this.#numbered({ type, response: this.object } as OutputEvent)
  }

  #numbered(event: OutputEvent): ResponseStreamEvent {
    return { ...event, sequence_number: this.#sequenceNumber++ } as ResponseStreamEvent
  }
}

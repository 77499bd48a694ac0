import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import type { ChatEvent } from '../../chat/events.ts'
import { loopTurn } from '../../generate/turn.ts'
import { type ApiError, toApiError } from '../errors.ts'
import type { Item } from './items.ts'
import { broken, finished, type LoggedEvent } from './log.ts'
import type { ResponseHead, ResponseObject } from './objects.ts'
import type { ResponseStore, StoredResponse } from './store.ts'
import { ToldResponse } from './told-response.ts'

/** A response that is being made: what it says is told to its client, and kept. */
export class LiveResponse {
  /** What is kept of it. */
  readonly record: StoredResponse
  readonly #told: ToldResponse
  readonly #log: LoggedEvent[] = []
  #failure: ApiError | undefined

  constructor(head: ResponseHead, input: readonly Item[]) {
    this.record = { head, input, log: this.#log }
    this.#told = new ToldResponse(head, input.length)
  }

  /** As it is now. */
  get object(): ResponseObject {
    return this.#told.object
  }

  /** The events of its stream; a failure is among them. @param store undefined: it is not kept. */
  async *events(said: AsyncIterable<ChatEvent>, store: ResponseStore | undefined): AsyncGenerator<ResponseStreamEvent> {
    store?.add(this.record)
    yield* this.#told.begin()
    for await (const event of this.#logged(said)) {
      // Whoever reads the last event may continue it at once.
      if (event.type === 'end') store?.end(this.record.head.id, this.#log)
      yield* this.#told.push(event)
      // To ask for the next token, through all that stands between, would hold this one back.
      await loopTurn()
    }
  }

  /** The object at its end. `beat` is called at each event. Rejects with the ApiError of a failure. */
  async whole(events: AsyncIterable<ResponseStreamEvent>, beat: () => void): Promise<ResponseObject> {
    for await (const _ of events) beat()
    if (this.object.status === 'failed') throw this.#failure
    return this.object
  }

  async *#logged(said: AsyncIterable<ChatEvent>): AsyncGenerator<LoggedEvent> {
    try {
      for await (const event of said) {
        if (event.type !== 'start') yield this.#logs(event.type === 'finish' ? finished(event) : event)
      }
    } catch (error) {
      this.#failure = toApiError(error)
      yield this.#logs(broken(this.#failure))
    }
  }

  #logs(event: LoggedEvent): LoggedEvent {
    // This API has no logprobs of reasoning, which would be most of what is kept.
    const kept = event.type === 'reasoning' ? { type: event.type, text: event.text } : event
    this.#log.push(kept)
    return kept
  }
}

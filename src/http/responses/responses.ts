import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { echo } from '../../echo.ts'
import type { OpenAnswer } from '../answers.ts'
import { ApiError, cancelled } from '../errors.ts'
import type { Item } from './items.ts'
import { LiveResponse } from './live-response.ts'
import { broken } from './log.ts'
import type { ResponseHead, ResponseObject } from './objects.ts'
import type { ResponseStore, StoredResponse } from './store.ts'
import { ToldResponse } from './told-response.ts'

interface Going {
  readonly live: LiveResponse
  readonly answer: OpenAnswer
  readonly ended: PromiseWithResolvers<void>
}

/** The responses that go on here, and those that are kept. */
export class Responses {
  /** undefined: none are kept. */
  readonly store: ResponseStore | undefined
  readonly #going = new Map<string, Going>()

  constructor(store: ResponseStore | undefined) {
    this.store = store
  }

  /** A response, and the events that make it while they are read. */
  start(head: ResponseHead, input: readonly Item[], answer: OpenAnswer) {
    const live = new LiveResponse(head, input)
    return { live, events: this.#make(live, head, answer) }
  }

  isGoing(id: string): boolean {
    return this.#going.has(id)
  }

  /** Its object as it is now. Throws an ApiError of status 404. */
  object(id: string): ResponseObject {
    const going = this.#going.get(id)
    return going ? going.live.object : toldObject(this.#stored(id))
  }

  /** The events of one that is kept, told anew. Throws an ApiError of status 404. */
  events(id: string): AsyncIterable<ResponseStreamEvent> {
    return replay(this.#stored(id))
  }

  /** What was asked. Throws an ApiError of status 404. */
  input(id: string): readonly Item[] {
    return (this.#going.get(id)?.live.record ?? this.#stored(id)).input
  }

  /** Stops one that goes on. Resolves to its object. Rejects with an ApiError of status 404. */
  async cancel(id: string): Promise<ResponseObject> {
    const going = this.#going.get(id)
    if (!going) return this.object(id)
    going.answer.stop(cancelled())
    await going.ended.promise
    return going.live.object
  }

  /** Stops it, and forgets it. Rejects with an ApiError of status 404. */
  async delete(id: string): Promise<void> {
    const wasGoing = this.#going.has(id)
    await this.cancel(id)
    if (!this.store?.delete(id) && !wasGoing) throw notFound(id)
  }

  async *#make(live: LiveResponse, head: ResponseHead, answer: OpenAnswer): AsyncGenerator<ResponseStreamEvent> {
    const ended = Promise.withResolvers<void>()
    this.#going.set(head.id, { live, answer, ended })
    try {
      yield* live.events(answer.events, head.store ? this.store : undefined)
    } finally {
      // Where it was not read to its end, as when it cannot be stored, nothing may go on computing.
      await answer.answers.return(undefined)
      this.#going.delete(head.id)
      ended.resolve()
    }
  }

  #stored(id: string): StoredResponse {
    const stored = this.store?.get(id)
    if (!stored) throw notFound(id)
    return stored
  }
}

/** A response at its end. */
export function toldObject({ head, input, log }: StoredResponse): ResponseObject {
  const told = new ToldResponse(head, input.length)
  for (const event of log ?? [restarted()]) Array.from(told.push(event))
  return told.object
}

async function* replay({ head, input, log }: StoredResponse): AsyncGenerator<ResponseStreamEvent> {
  const told = new ToldResponse(head, input.length)
  yield* told.begin()
  for (const event of log ?? [restarted()]) yield* told.push(event)
}

function restarted() {
  const message = 'The server was restarted before the response was complete. Send the request again.'
  return broken(new ApiError(503, 'server_restarted', message))
}

function notFound(id: string): ApiError {
  return new ApiError(
    404,
    'response_not_found',
    `Response with id '${echo(id)}' not found: it was not stored, was deleted, or is not kept any more.`,
    { param: 'id' },
  )
}

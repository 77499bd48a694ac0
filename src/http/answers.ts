import type { Context } from 'hono'
import type { ChatModel } from '../chat/chat-model.ts'
import { type AnswerRequest, completeAll } from '../chat/complete.ts'
import type { AnswersEvent, ChatEvent } from '../chat/events.ts'
import { Thinking } from '../chat/thinking.ts'
import { type ChatService, NO_ORIGINS } from '../route/service.ts'
import { ROUTE_HEADER, routeWish } from '../route/wish.ts'
import { callerOf } from './access/caller.ts'
import { AnswerMeter } from './answer-meter.ts'
import { type ApiError, clientGone } from './errors.ts'
import { checkModelName, type LoadModel } from './models.ts'
import type { Dialect, Recording } from './recording.ts'
import type { Recordings } from './recordings.ts'
import { sendSlowJson } from './slow-json.ts'
import { sendEvents } from './sse.ts'
import { clientOf } from './visitor.ts'

/** With '1' a stream goes on for a while after its client went away, which may come back for the rest. */
const RESUMABLE_HEADER = 'x-nanbeige-resumable'

/** Rejects with an ApiError of status 503. */
export type LoadService = (chat: ChatModel) => Promise<ChatService>

/** What the endpoints that generate share. */
export interface Answers {
  readonly loadModel: LoadModel
  readonly loadService: LoadService
  readonly recordings: Recordings
}

type Unplaced<Request> = Request extends unknown ? Omit<Request, 'wish' | 'visitor'> : never

export interface Asked {
  /** Of the answer, as the client is told it. */
  readonly id: string
  /** As the client wrote it: with the suffix of a route, or not at all. */
  readonly model: string | null | undefined
  /** Of every request; left out: one. */
  readonly answers?: number
  /** One, or some that are answered in their order. */
  request(chat: ChatModel): Unplaced<AnswerRequest> | readonly Unplaced<AnswerRequest>[]
}

/** An answer that has its place, for the endpoint that was asked to put into its own words: once, as JSON or as a stream. */
export class OpenAnswer {
  readonly chat: ChatModel
  /** What all answers say, and the finish of each. */
  readonly answers: AsyncGenerator<AnswersEvent>
  /** The same of the one answer, where one was asked for. */
  readonly events: AsyncGenerator<ChatEvent>
  readonly #context: Context
  readonly #id: string
  readonly #recordings: Recordings
  readonly #meter: AnswerMeter
  readonly #abort = new AbortController()
  readonly #thinking = new Thinking()
  readonly #hangUp = () => this.stop(clientGone())
  #recording: Recording | undefined
  #promptTokens = 0

  private constructor(c: Context, { recordings }: Answers, asked: Asked, chat: ChatModel, service: ChatService) {
    this.chat = chat
    this.#context = c
    this.#id = asked.id
    this.#meter = new AnswerMeter(c, (reason) => this.stop(reason))
    this.#recordings = recordings
    const { signal } = c.req.raw
    signal.addEventListener('abort', this.#hangUp)
    if (signal.aborted) this.#hangUp()
    const visitor = {
      client: clientOf(c),
      cacheSalt: callerOf(c).client,
      listening: () => this.#recording?.isRead ?? true,
    }
    const log: ChatService['log'] = (entry) => {
      this.#meter.event(entry.event)
      service.log({ ...entry, completion: asked.id })
    }
    const { wish } = routeWish(asked.model ?? chat.id, c.req.header(ROUTE_HEADER) ?? null)
    const requests = [asked.request(chat)].flat().map((request) => ({ ...request, wish, visitor }))
    const origins = callerOf(c).mayUseOrigins ? service.origins : NO_ORIGINS
    const own: ChatService = { ...service, origins, log, made: this.#meter.made }
    const { signal: stopped } = this.#abort
    const events = completeAll(chat, requests, asked.answers ?? 1, stopped, own, this.#thinking)
    this.answers = this.#meter.counted(events)
    this.events = only(this.answers)
  }

  /** Rejects with what `complete` throws before its start, and with an ApiError of status 404, 429 or 503. Sets the header of the route. */
  static async open(c: Context, answers: Answers, asked: Asked): Promise<OpenAnswer> {
    const chat = await answers.loadModel()
    checkModelName(chat, asked.model)
    const answer = new OpenAnswer(c, answers, asked, chat, await answers.loadService(chat))
    // Errors in the request, and a full queue, come before the response begins.
    const { event } = (await answer.answers.next()).value as AnswersEvent
    const { route, promptTokens } = event as Extract<ChatEvent, { type: 'start' }>
    answer.#promptTokens = promptTokens
    try {
      answer.#meter.begins(route, promptTokens)
    } catch (error) {
      await answer.answers.return(undefined)
      throw error
    }
    c.header(ROUTE_HEADER, `${route.route}; reason=${route.reason}`)
    return answer
  }

  get promptTokens(): number {
    return this.#promptTokens
  }

  /** `make`: the object of all events; it calls `beat` at each of them. `error`: the object where that fails when the status is out. */
  json(make: (beat: () => void) => Promise<object>, error: Dialect['error'] = ({ body }) => body): Promise<Response> {
    return sendSlowJson(this.#context, make, this.#hangUp, error)
  }

  /** `objects`: those of all events. Rejects with an ApiError of status 429 where the client has too many resumable streams. */
  async stream(objects: AsyncIterable<unknown>, dialect: Dialect, background = false): Promise<Response> {
    return sendEvents(this.#context, await this.record(objects, dialect, background), 0)
  }

  /** As `stream`, for whoever reads it. @param background it goes on to its end though nobody does. */
  async record(objects: AsyncIterable<unknown>, dialect: Dialect, background: boolean): Promise<Recording> {
    const c = this.#context
    // From now on the recording tells whether anybody reads.
    c.req.raw.signal.removeEventListener('abort', this.#hangUp)
    const resumable = background || c.req.header(RESUMABLE_HEADER) === '1'
    const options = { client: clientOf(c), resumable, background, dialect }
    const controls = { cancel: (reason: ApiError) => this.stop(reason), answerNow: () => this.#thinking.end() }
    try {
      this.#recording = this.#recordings.start(this.#id, objects, controls, options)
    } catch (error) {
      await this.answers.return(undefined)
      throw error
    }
    return this.#recording
  }

  /** Ends the events: they throw the reason. */
  stop(reason: ApiError): void {
    this.#abort.abort(reason)
  }
}

async function* only(answers: AsyncIterable<AnswersEvent>): AsyncGenerator<ChatEvent> {
  for await (const { event } of answers) if (event.type !== 'prompt') yield event
}

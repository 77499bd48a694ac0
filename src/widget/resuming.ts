import type { AnswerChunk } from './answer-chunks.ts'
import { AnswerError } from './answer-error.ts'
import { openAnswer, type Place, resumeAnswer, type Server } from './client.ts'
import { within } from './within.ts'

/** A server keeps an answer for its reader this long (src/http/recording.ts); then there is no use in coming back. */
const KEPT_MS = 60_000
const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 5_000
/**
 * Before an answer has begun, it is asked for again; more often only by the reader, as the server may be down. The last time without our
 * header, which CORS of other servers may not allow.
 */
const MORE_TRIES = 2
const RESUMABLE = { 'x-nanbeige-resumable': '1' }
/** Whether endpoints take it; of one that answered without it only, and numbers its events, nobody knows. */
const takesHeader = new Map<string, boolean>()
/** Without a sign of life: heartbeats come every 500 ms where they come at all, other servers may read a long prompt meanwhile. */
const STALLED_MS = { beating: 5_000, silent: 30_000 }

export interface SteadyChunk extends AnswerChunk {
  /** 'stalled': nothing comes, though the connection stands. */
  readonly connection: 'open' | 'stalled' | 'reconnecting'
}

/**
 * An answer, over as many connections as it takes. `from`: the body that asks for it, or where a stream is taken up again. Throws AnswerError:
 * 'completion_lost' where the server does not know it any more, 'interrupted' or 'incomplete' where it cannot be resumed, or not within a
 * minute; and the signal's reason when it aborts.
 */
export async function* steadyAnswer(
  server: Server,
  from: { readonly body: object } | { readonly place: Place },
  signal: AbortSignal,
): AsyncGenerator<SteadyChunk> {
  let place = 'place' in from ? from.place : undefined
  let [lastSign, failures, begun, finished] = [Date.now(), 0, false, false]
  for (;;) {
    const connection = new AbortController()
    const takes = isOwn(server.endpoint) || takesHeader.get(server.endpoint)
    const plain = takes === undefined ? failures === MORE_TRIES : !takes
    const either = AbortSignal.any([signal, connection.signal])
    try {
      const chunks = place
        ? resumeAnswer(server, place, either)
        : openAnswer(server, 'body' in from ? from.body : {}, either, plain ? {} : RESUMABLE)
      for await (const chunk of watched(chunks, () => place !== undefined)) {
        const heard = chunk.connection === 'open'
        if (heard) lastSign = Date.now()
        if (heard && begun) failures = 0
        const { completionId, eventId, events } = chunk
        if (eventId !== undefined) place = { id: completionId ?? place!.id, lastEventId: eventId }
        begun ||= place !== undefined || events.length > 0
        if (begun && !(plain && place)) takesHeader.set(server.endpoint, !plain)
        finished ||= events.some(({ type }) => type === 'finish')
        yield chunk
      }
      return
    } catch (error) {
      signal.throwIfAborted()
      // All that was missing is the event that ends the stream.
      if (finished && error instanceof AnswerError) return
      if (!isBreak(error)) throw place ? asLost(error) : error
      const mayTry = place
        ? failures === 0 || Date.now() - lastSign < KEPT_MS
        : !begun && failures < MORE_TRIES && error.status === undefined
      if (!mayTry) throw error
      yield { connection: 'reconnecting', events: [] }
      await pause(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures++) * (0.5 + Math.random() / 2), signal)
    } finally {
      connection.abort()
    }
  }
}

/** Chunks, and word of it when they stop coming. Throws an AnswerError 'interrupted' when that lasts and another connection may do better. */
async function* watched(chunks: AsyncGenerator<AnswerChunk>, resumable: () => boolean): AsyncGenerator<SteadyChunk> {
  let beating = false
  try {
    for (;;) {
      const next = chunks.next()
      // Who loses a race is not heard; its error would be nobody's.
      next.catch(() => {})
      const patience: number = beating ? STALLED_MS.beating : STALLED_MS.silent
      let step: IteratorResult<AnswerChunk> | undefined = await within(next, patience)
      if (step === undefined) {
        yield { connection: 'stalled', events: [] }
        step = resumable() ? await within(next, patience) : await next
        if (step === undefined) throw new AnswerError('interrupted', 'The connection has fallen silent.')
      }
      if (step.done) return
      beating ||= step.value.events.length === 0
      yield { connection: 'open', ...step.value }
    }
  } finally {
    // Not awaited: where nothing comes, it would wait with the others.
    void chunks.return(undefined).catch(() => {})
  }
}

/** Of the page's own origin, where CORS forbids nothing. */
function isOwn(endpoint: string): true | undefined {
  const origin = globalThis.location?.origin
  return (origin !== undefined && new URL(endpoint, origin).origin === origin) || undefined
}

/** Whether another connection may do better. */
function isBreak(error: unknown): error is AnswerError {
  if (!(error instanceof AnswerError)) return false
  return error.status === undefined
    ? ['unreachable', 'interrupted', 'incomplete'].includes(error.code)
    : error.status >= 500
}

function asLost(error: unknown): unknown {
  if (!(error instanceof AnswerError) || (error.status !== 404 && error.status !== 410)) return error
  return new AnswerError(
    'completion_lost',
    'The server does not have this answer any more: it was restarted, or nobody was there for too long. What has come of it is kept.',
    { status: error.status, cause: error },
  )
}

/** Ends early when the network is back. Throws the signal's reason when it aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const wake = () => resolve()
  signal.addEventListener('abort', wake)
  globalThis.addEventListener?.('online', wake)
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', wake)
  globalThis.removeEventListener?.('online', wake)
  signal.throwIfAborted()
}

import type { RouteEvent } from '../../chat/events.ts'
import type { SayingEvent } from '../chat-completion-choice.ts'
import type { ApiError } from '../errors.ts'
import type { FinishEvent } from '../usage.ts'
import { unixTime } from './objects.ts'

/** How a response ended, at a time in Unix seconds. */
export type ResponseEnd = { readonly type: 'end'; readonly at: number } & (
  | { readonly status: 'completed' | 'incomplete'; readonly finish: FinishEvent }
  | { readonly status: 'failed' | 'cancelled'; readonly error: ApiError['body']['error'] }
)

/** All that a response comes from beside its request: what the generation said, in its order, and how it ended. */
export type LoggedEvent = SayingEvent | RouteEvent | ResponseEnd

export function finished(finish: FinishEvent): ResponseEnd {
  return { type: 'end', at: unixTime(), status: finish.reason === 'length' ? 'incomplete' : 'completed', finish }
}

/** Only a client, by leaving or by asking for it, ends a response with status 499. */
export function broken({ status, body }: ApiError): ResponseEnd {
  return { type: 'end', at: unixTime(), status: status === (499 as number) ? 'cancelled' : 'failed', error: body.error }
}

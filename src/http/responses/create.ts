import type { Context } from 'hono'
import { type Answers, OpenAnswer } from '../answers.ts'
import type { Dialect } from '../recording.ts'
import { responseHead } from './objects.ts'
import { readRequest, withOwnParams } from './read-request.ts'
import type { Responses } from './responses.ts'

/**
 * As the Open Responses specification wants them: events have names and no ids, and a last one follows. What a response fails of is among
 * its own events.
 */
export const EVENTS: Dialect = {
  named: true,
  numbered: true,
  last: '[DONE]',
  error: ({ body }) => ({ type: 'error', sequence_number: 0, ...body }),
}

/** POST /responses */
export async function createResponse(c: Context, answers: Answers, responses: Responses): Promise<Response> {
  const { id, body, input, request } = await readRequest(c, responses)
  const asked = { id, model: body.model, request: () => request }
  const answer = await withOwnParams(OpenAnswer.open(c, answers, asked))
  const head = responseHead(id, body, answer.chat, request.sampling, responses.store !== undefined)
  const { live, events } = responses.start(head, input, answer)
  if (body.stream) return answer.stream(events, EVENTS, head.background ?? false)
  if (!head.background) return answer.json((beat) => live.whole(events, beat))
  await answer.record(events, EVENTS, true)
  return c.json(live.object)
}

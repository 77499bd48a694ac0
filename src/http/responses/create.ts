import type { Context } from 'hono'
import { ChatRequestError } from '../../chat/errors.ts'
import { type Answers, type Asked, OpenAnswer } from '../answers.ts'
import { jsonBody } from '../json-body.ts'
import type { Dialect } from '../recording.ts'
import { responseBody } from './body.ts'
import { checkLength, earlierItems, ownItems } from './conversation.ts'
import { newResponseId } from './ids.ts'
import { responseHead } from './objects.ts'
import { responseRequest } from './request.ts'
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
  const { body, source } = await jsonBody(c, responseBody)
  const id = newResponseId()
  const input = ownItems(responses, id, body.input ?? [])
  const items = [...earlierItems(responses, body.previous_response_id), ...input]
  checkLength(items)
  const request = responseRequest(body, items, source)
  const answer = await open(c, answers, { id, model: body.model, request: () => request })
  const head = responseHead(id, body, answer.chat, request.sampling, responses.store !== undefined)
  const { live, events } = responses.start(head, input, answer)
  if (body.stream) return answer.stream(events, EVENTS, head.background ?? false)
  if (!head.background) return answer.json((beat) => live.whole(events, beat))
  await answer.record(events, EVENTS, true)
  return c.json(live.object)
}

/** What is wrong with a message is wrong with the input. */
async function open(c: Context, answers: Answers, asked: Asked): Promise<OpenAnswer> {
  try {
    return await OpenAnswer.open(c, answers, asked)
  } catch (error) {
    if (!(error instanceof ChatRequestError) || !error.param?.startsWith('messages')) throw error
    throw new ChatRequestError(error.code, error.message, 'input', { cause: error })
  }
}

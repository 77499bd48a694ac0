import type { Context } from 'hono'
import { ChatRequestError } from '../../chat/errors.ts'
import { jsonBody } from '../json-body.ts'
import { responseBody } from './body.ts'
import { checkLength, earlierItems, ownItems } from './conversation.ts'
import { newResponseId } from './ids.ts'
import { responseRequest } from './request.ts'
import type { Responses } from './responses.ts'

/** A request to respond to, and the items of its own input under the id of the response. Rejects with an ApiError. */
export async function readRequest(c: Context, responses: Responses) {
  const { body, source } = await jsonBody(c, responseBody)
  const id = newResponseId()
  const input = ownItems(responses, id, body.input ?? [])
  const items = [...earlierItems(responses, body.previous_response_id), ...input]
  checkLength(items)
  return { id, body, input, request: responseRequest(body, items, source) }
}

/** What is wrong with a chat is wrong with what stands for it in the body. */
export async function withOwnParams<Value>(value: Promise<Value>): Promise<Value> {
  try {
    return await value
  } catch (error) {
    if (!(error instanceof ChatRequestError) || error.param === null) throw error
    throw new ChatRequestError(error.code, error.message, ownParam(error.param), { cause: error })
  }
}

function ownParam(param: string): string {
  return param.startsWith('messages') ? 'input' : param.replace(/^(tools\.\d+)\.function/, '$1')
}

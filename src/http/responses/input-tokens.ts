import type { Context } from 'hono'
import { chatPrompt } from '../../chat/prepare.ts'
import type { Answers } from '../answers.ts'
import { checkModelName } from '../models.ts'
import { readRequest, withOwnParams } from './read-request.ts'
import type { Responses } from './responses.ts'

/** POST /responses/input_tokens: how many tokens the prompt of a response would have. */
export async function countInputTokens(c: Context, answers: Answers, responses: Responses): Promise<Response> {
  const { body, request } = await readRequest(c, responses)
  const chat = await answers.loadModel()
  checkModelName(chat, body.model)
  const { signal } = c.req.raw
  const { ids } = await withOwnParams(chatPrompt(chat, request, Number.POSITIVE_INFINITY, signal))
  return c.json({ object: 'response.input_tokens', input_tokens: ids.length })
}

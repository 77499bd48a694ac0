import { Hono, type MiddlewareHandler } from 'hono'
import { chatPrompt } from '../../chat/prepare.ts'
import { type Answers, OpenAnswer } from '../answers.ts'
import { type ApiError, toApiError } from '../errors.ts'
import { jsonBody } from '../json-body.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { checkModelName } from '../models.ts'
import { nothingHere } from '../nothing-here.ts'
import { messagesBody, promptBody } from './body.ts'
import { errorObject, REQUEST_ID_HEADER, type RequestIds, sendError } from './errors.ts'
import { MessageObjects } from './objects.ts'
import { chatRequest, promptRequest } from './request.ts'

/** Anthropic's API: POST /, and POST /count_tokens, for whom `guard` lets through. */
export function messages(answers: Answers, guard: MiddlewareHandler) {
  return new Hono<RequestIds>()
    .use(async (c, next) => {
      c.header(REQUEST_ID_HEADER, c.get('requestId'))
      await next()
    })
    .use(guard)
    .post('/', async (c) => {
      const { body, source } = await jsonBody(c, messagesBody)
      const id = `msg_${crypto.randomUUID().replaceAll('-', '')}`
      const answer = await OpenAnswer.open(c, answers, {
        id,
        model: body.model,
        request: () => chatRequest(body, source),
      })
      const objects = new MessageObjects({
        id,
        model: answer.chat.id,
        inputTokens: answer.promptTokens,
        maxTokens: body.max_tokens,
        hidesThinking: body.thinking?.display === 'omitted',
        eagerTools: new Set(body.tools?.filter((tool) => tool.eager_input_streaming).map(({ name }) => name)),
      })
      const error = (failure: ApiError) => errorObject(failure, c.get('requestId'))
      if (!body.stream) return answer.json((beat) => objects.message(answer.events, beat), error)
      return answer.stream(objects.stream(answer.events), { named: true, error, idle: { type: 'ping' } })
    })
    .post('/count_tokens', async (c) => {
      const { body, source } = await jsonBody(c, promptBody)
      const chat = await answers.loadModel()
      checkModelName(chat, body.model)
      const prompt = promptRequest(body, source)
      const { ids } = await chatPrompt(chat, prompt, Number.POSITIVE_INFINITY, c.req.raw.signal)
      return c.json({ input_tokens: ids.length })
    })
    .all('/', methodNotAllowed('POST'))
    .all('/count_tokens', methodNotAllowed('POST'))
    .all('/*', nothingHere)
    .onError((error, c) => sendError(c, toApiError(error)))
}

import { Hono } from 'hono'
import { cors } from 'hono/cors'
import type { ChatModel } from '../chat/chat-model.ts'
import { type ChatService, edgeAlone } from '../route/service.ts'
import { ROUTE_HEADER } from '../route/wish.ts'
import { requireKey } from './api-keys.ts'
import { chatCompletions } from './chat-completions.ts'
import { errorResponse, modelUnavailable, toApiError } from './errors.ts'
import { messages, REQUEST_ID_HEADER } from './messages/routes.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { models } from './models.ts'
import { nothingHere } from './nothing-here.ts'
import { Recordings } from './recordings.ts'
import { drainBody } from './request-body.ts'
import { resume } from './resume.ts'

export interface AppOptions {
  /** The model, loaded at the first call. */
  readonly model: () => Promise<ChatModel>
  /** What GET /healthz answers; must neither load the model nor wait for it. */
  readonly health: () => object
  /** What the answers of this model share, made at the first call; left out: an edge without origins. */
  readonly service?: (chat: ChatModel) => Promise<ChatService>
  /** The variable API_KEYS; left out: anybody may ask. */
  readonly apiKeys?: string
}

/** The HTTP API: OpenAI's chat completions and models, Anthropic's messages, and a health check. */
export function createApp(options: AppOptions) {
  const alone = edgeAlone()
  const { model, service = async () => alone } = options
  const loadModel = available(model)
  const recordings = new Recordings()
  const answers = { loadModel, loadService: available(service), recordings }
  const app = new Hono()
  // Any site may embed the widget; there are no cookies to protect.
  app.use(
    cors({
      origin: '*',
      allowMethods: ['GET', 'POST'],
      exposeHeaders: ['Retry-After', ROUTE_HEADER, REQUEST_ID_HEADER],
      maxAge: 86_400,
    }),
  )
  app.use(async (c, next) => {
    await next()
    await drainBody(c.req.raw)
  })
  app.use('/v1/*', requireKey(options.apiKeys))
  app.get('/healthz', (c) => c.json(options.health()))
  app.route('/v1', chatCompletions(answers))
  app.route('/v1', resume(recordings))
  app.route('/v1', models(loadModel))
  app.route('/v1/messages', messages(answers))
  app.all('/healthz', methodNotAllowed('GET'))
  app.all('/v1/chat/completions', methodNotAllowed('POST'))
  app.all('/v1/chat/completions/:id/events', methodNotAllowed('GET'))
  app.all('/v1/chat/completions/:id/cancel', methodNotAllowed('POST'))
  app.all('/v1/models', methodNotAllowed('GET'))
  app.all('/v1/models/:id{.+}', methodNotAllowed('GET'))
  app.notFound(nothingHere)
  app.onError((error, c) => errorResponse(c, toApiError(error)))
  return app
}

/** The same, rejecting with an ApiError of status 503. */
function available<Args extends unknown[], Value>(load: (...args: Args) => Promise<Value>) {
  return async (...args: Args): Promise<Value> => {
    try {
      return await load(...args)
    } catch (error) {
      throw modelUnavailable(error)
    }
  }
}

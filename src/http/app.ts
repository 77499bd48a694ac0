import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import type { ChatModel } from '../chat/chat-model.ts'
import { type ChatService, edgeAlone } from '../route/service.ts'
import { absent } from './absent.ts'
import { Access, type AccessSettings } from './access/access.ts'
import { crossOrigin } from './access/cross-origin.ts'
import { securityHeaders } from './access/security-headers.ts'
import { chatCompletions } from './chat-completions.ts'
import { completions } from './completions.ts'
import { detokenize } from './detokenize.ts'
import { errorResponse, modelUnavailable, toApiError } from './errors.ts'
import { health } from './health.ts'
import { messages } from './messages/routes.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { type Health, Metrics } from './metrics/metrics.ts'
import { metricsRoute } from './metrics/routes.ts'
import { models } from './models.ts'
import { nothingHere } from './nothing-here.ts'
import { props } from './props.ts'
import { Recordings } from './recordings.ts'
import { drainBody } from './request-body.ts'
import { type RequestLog, recordRequests } from './request-record.ts'
import { responsesApi } from './responses/routes.ts'
import type { ResponseStore } from './responses/store.ts'
import { resume } from './resume.ts'
import { tokenize } from './tokenize.ts'
import { widgetTokens } from './widget-tokens.ts'

export interface AppOptions {
  /** The model, loaded at the first call. */
  readonly model: () => Promise<ChatModel>
  /** What GET /healthz answers, and GET /metrics too; must neither load the model nor wait for it. */
  readonly health: () => Health
  /** What the answers of this model share, made at the first call; left out: an edge without origins. */
  readonly service?: (chat: ChatModel) => Promise<ChatService>
  /** Where responses are kept; left out: nowhere. */
  readonly store?: ResponseStore
  /** Gets one entry for each request; left out: nobody does. */
  readonly log?: RequestLog
  /** Who is let in; left out: whoever reaches a server of this machine. */
  readonly access?: AccessSettings
}

/** Of each path the methods that its own handlers take. */
const METHODS: Readonly<Record<string, string>> = {
  '/healthz': 'GET',
  '/health': 'GET',
  '/props': 'GET',
  '/metrics': 'GET',
  '/tokenize': 'POST',
  '/detokenize': 'POST',
  '/v1/tokenize': 'POST',
  '/v1/detokenize': 'POST',
  '/v1/chat/completions': 'POST',
  '/v1/chat/completions/:id/events': 'GET',
  '/v1/chat/completions/:id/cancel': 'POST',
  '/v1/chat/completions/:id/answer': 'POST',
  '/v1/completions': 'POST',
  '/v1/widget-tokens': 'POST',
  '/v1/models': 'GET',
  '/v1/models/:id{.+}': 'GET',
}

/** The HTTP API: OpenAI's completions, with chats and without, and responses, Anthropic's messages, and what servers like this one have beside them. */
export function createApp(options: AppOptions) {
  const alone = edgeAlone()
  const { model, service = async () => alone } = options
  const loadModel = available(model)
  const recordings = new Recordings()
  const answers = { loadModel, loadService: available(service), recordings }
  // A slash behind a path changes nothing.
  const app = new Hono({ strict: false })
  const metrics = new Metrics()
  app.use(requestId(), recordRequests(metrics, options.log ?? (() => {})))
  const access = new Access(options.access ?? { access: 'loopback' })
  app.use(securityHeaders(), crossOrigin(access.sites))
  app.use(async (c, next) => {
    await next()
    await drainBody(c.req.raw)
  })
  const { guard } = access
  // Before the other paths: it refuses in a form of its own.
  app.route('/v1/messages', messages(answers, guard))
  for (const path of ['/v1/*', '/props', '/metrics', '/tokenize', '/detokenize']) app.use(path, guard)
  for (const path of ['/healthz', '/health']) app.route(path, health(access, options.health))
  app.route('/', props(answers))
  app.route('/', metricsRoute(metrics, options.health))
  for (const path of ['/', '/v1']) app.route(path, tokenize(answers)).route(path, detokenize(loadModel))
  app.route('/v1', chatCompletions(answers))
  app.route('/v1', completions(answers))
  app.route('/v1', resume(recordings))
  app.route('/v1/responses', responsesApi(answers, options.store))
  app.route('/v1', models(answers))
  app.route('/v1', widgetTokens(access))
  for (const [path, allowed] of Object.entries(METHODS)) app.all(path, methodNotAllowed(allowed))
  app.route('/v1', absent())
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

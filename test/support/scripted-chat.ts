import type { HttpBindings } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { PAGE_HEADERS } from '../../scripts/build-widget.ts'
import { CHUNKS } from '../../src/http/chat-completions.ts'
import { type ApiError, toApiError } from '../../src/http/errors.ts'
import { Recordings } from '../../src/http/recordings.ts'
import { resume } from '../../src/http/resume.ts'
import { sendEvents } from '../../src/http/sse.ts'
import { type ListeningApp, listen } from './listen.ts'
import { ScriptedAnswer, type Step } from './scripted-answer.ts'

export interface ChatBody {
  readonly model?: string
  readonly messages: readonly { readonly role: string; readonly content: string | null }[]
  readonly tools?: readonly object[]
  readonly [field: string]: unknown
}

/** The answer to a body, whose last question comes first, after so many others. An error as its first step is the response's own. */
export type Script = (question: string, body: ChatBody, before: number) => readonly Step[]

export interface ScriptedChat extends ListeningApp {
  /** Completions as they were asked for. */
  readonly requests: readonly { readonly body: ChatBody; readonly authorization: string | undefined }[]
  /** Ids of answers that were asked for now, by POST …/answer. */
  readonly answered: readonly string[]
  /** Lets answers that hold go on, and connections in again. */
  release(): void
}

/**
 * The chat API with scripted answers on loopback; recordings, resume and cancel are the product's own. It also serves the page and the
 * widget that `npm run build` made.
 */
export async function startScriptedChat(script: Script, model = 'nanbeige4-3b-thinking'): Promise<ScriptedChat> {
  const recordings = new Recordings()
  const requests: ScriptedChat['requests'][number][] = []
  const answered: string[] = []
  let gate = Promise.withResolvers<void>()
  let offline = false

  const app = new Hono<{ Bindings: HttpBindings }>()
  app.use(cors({ origin: '*', exposeHeaders: ['Retry-After'] }))
  app.use('/v1/*', (c, next) => {
    if (offline) c.env.incoming.socket.destroy()
    return next()
  })
  app.get('/v1/models', (c) => c.json({ object: 'list', data: [{ id: model, object: 'model' }] }))
  app.post('/v1/chat/completions', async (c) => {
    const body = await c.req.json<ChatBody>()
    const before = requests.length
    const id = `chatcmpl-${before}`
    requests.push({ body, authorization: c.req.header('Authorization') })
    const steps = script(body.messages.findLast(({ role }) => role === 'user')?.content ?? '', body, before)
    if (steps[0] instanceof Error) throw steps[0]
    const answer = new ScriptedAnswer(id, model, steps)
    const disconnect = () => {
      offline = true
      server.disconnect()
    }
    const chunks = answer.chunks(() => gate.promise, disconnect)
    const resumable = c.req.header('x-nanbeige-resumable') === '1'
    const options = { client: 'scripted', resumable, dialect: CHUNKS }
    const controls = {
      cancel: (reason: ApiError) => answer.stop(reason),
      answerNow() {
        answer.hurry()
        return answered.push(id) > 0
      },
    }
    return sendEvents(c, recordings.start(id, chunks, controls, options), 0)
  })
  app.post('/v1/widget-tokens', (c) => c.json({ token: 'widget-token', expires_at: 2 ** 32 }))
  app.route('/v1', resume(recordings))
  app.onError((cause, c) => {
    const { body, status, headers } = toApiError(cause)
    return c.json(body, status, headers)
  })
  app.use(async (c, next) => {
    await next()
    for (const [name, value] of Object.entries(headersOf(c.req.path))) c.header(name, value)
  })
  app.use(serveStatic({ root: 'dist/assets' }))

  const server = await listen(app)
  return {
    ...server,
    requests,
    answered,
    release() {
      offline = false
      gate.resolve()
      gate = Promise.withResolvers()
    },
  }
}

const headersOf = (path: string) => (PAGE_HEADERS as Record<string, Record<string, string>>)[path] ?? {}

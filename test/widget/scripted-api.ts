// A server on a real socket of which each answer is told what to stream.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like.
  readonly body: any
}

export type Answer = (asked: Asked, response: ServerResponse) => unknown

export interface ScriptedApi {
  readonly url: string
  /** All requests but for CORS. */
  readonly requests: Asked[]
  /** The next POST /v1/chat/completions are answered by these; the last one stays. */
  answers: Answer[]
  /** GET …/events. */
  events: Answer
  /** The first POST /v1/chat/completions, as soon as there is one. */
  answer(): Promise<{ readonly asked: Asked; readonly response: ServerResponse }>
  stop(): Promise<void>
}

export const chunk = (
  delta: object,
  { finish, ...rest }: { readonly finish?: string; readonly [field: string]: unknown } = {},
) => `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta, finish_reason: finish ?? null }], ...rest })}\n`

/** An event with an id, as a server has it that can be asked for the rest. */
export const numbered = (position: number, delta: object, rest: { readonly finish?: string } = {}) =>
  `${chunk(delta, rest)}id: c:${position}\n\n`

export const end = (finish = 'stop') => `${chunk({}, { finish })}\ndata: [DONE]\n\n`

/** Streams all of it. */
export const says =
  (...events: string[]): Answer =>
  (_, response) =>
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(events.join(''))

/** An answer of one word for each argument. */
export const words = (...all: string[]): Answer => says(...all.map((content) => `${chunk({ content })}\n`), end())

/** The same, and then the connection stays open. */
export const begins =
  (...events: string[]): Answer =>
  (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(events.join(''))
  }

/** The same, and then the connection breaks. */
export const breaks =
  (...events: string[]): Answer =>
  (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write(events.join(''), () => response.destroy())
  }

export const refuses =
  (status: number, code: string, message = 'No.', headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(status, headers).end(JSON.stringify({ error: { code, message } }))

/** @param allowHeaders of requests from other sites. */
export async function startScriptedApi(allowHeaders = '*, Authorization'): Promise<ScriptedApi> {
  const requests: Asked[] = []
  const asking = Promise.withResolvers<{ asked: Asked; response: ServerResponse }>()
  const server = createServer(async (request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Allow-Headers', allowHeaders)
    if (request.method === 'OPTIONS') return response.end()
    let text = ''
    for await (const piece of request) text += piece
    const asked = {
      method: request.method!,
      path: request.url!,
      headers: request.headers,
      body: text && JSON.parse(text),
    }
    requests.push(asked)
    if (asked.path === '/v1/models') response.end(JSON.stringify({ data: [{ id: 'scripted' }] }))
    else if (asked.path === '/v1/chat/completions') {
      asking.resolve({ asked, response })
      const answer = api.answers.length > 1 ? api.answers.shift()! : api.answers[0]
      answer(asked, response)
    } else if (asked.path.endsWith('/events')) api.events(asked, response)
    else if (asked.path.endsWith('/answer')) response.end(JSON.stringify({ id: 'c', answering: true }))
    else response.end(JSON.stringify({ id: 'c', cancelled: true }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const api: ScriptedApi = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers: [words('Yes.')],
    events: refuses(404, 'completion_not_found'),
    answer: () => asking.promise,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return api
}

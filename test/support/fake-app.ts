import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { createApp } from '../../src/http/app.ts'
import { ResponseStore } from '../../src/http/responses/store.ts'
import { FakeModel, fakeChat } from './fake-model.ts'
import { memorySql } from './memory-sql.ts'

export type App = ReturnType<typeof createApp>

/** The real app around a fake chat model. @param sql where it keeps responses. */
export function fakeApp(chat: ChatModel = fakeChat(new FakeModel('Hello there!')), sql = memorySql()): App {
  const store = new ResponseStore(sql, () => {})
  return createApp({ model: async () => chat, health: () => ({ status: 'ok' }), store })
}

export const HELLO = { model: 'fake-model', messages: [{ role: 'user', content: 'Hello?' }] }

/** POST /v1/chat/completions. */
export function post(app: App, body: object | string, init: RequestInit = {}): Promise<Response> {
  const request = new Request('http://localhost/v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  })
  return Promise.resolve(app.request(request))
}

/** The data of server-sent events, as they come. */
export async function* readEvents(response: Response): AsyncGenerator<string> {
  const events = response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { data } of events) yield data
}

export async function allEvents(response: Response): Promise<string[]> {
  const all: string[] = []
  for await (const data of readEvents(response)) all.push(data)
  return all
}

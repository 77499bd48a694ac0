import { afterEach, expect, it } from 'vitest'
import { ApiError } from '../../src/http/errors.ts'
import { allEvents, readEvents } from './fake-app.ts'
import { words } from './scripted-answer.ts'
import { type Script, type ScriptedChat, startScriptedChat } from './scripted-chat.ts'

let chat: ScriptedChat

afterEach(() => chat.stop())

async function ask(script: Script): Promise<Response> {
  chat = await startScriptedChat(script)
  return await fetch(`${chat.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'x-nanbeige-resumable': '1' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello?' }], stream: true }),
  })
}

const textOf = (events: readonly string[]) =>
  events.map((data) => (data === '[DONE]' ? '' : (JSON.parse(data).choices[0]?.delta.content ?? ''))).join('')

it('plays a script in chunks, and says what it was asked', async () => {
  const response = await ask((question) => [...words('content', `${question} 你好 there.`), { finish: 'stop' }])
  const events = await allEvents(response)
  expect(textOf(events)).toBe('Hello? 你好 there.')
  expect(events.at(-1)).toBe('[DONE]')
  expect(chat.requests[0].body.messages).toEqual([{ role: 'user', content: 'Hello?' }])
})

it('breaks connections where the script says so; the rest is there for who comes back', async () => {
  const response = await ask(() => [
    ...words('content', 'One two'),
    'hold',
    'offline',
    ...words('content', ' three'),
    { finish: 'stop' },
  ])
  chat.release()
  await expect(allEvents(response)).rejects.toThrow()
  const events = `${chat.url}/v1/chat/completions/chatcmpl-0/events`
  await expect(fetch(events)).rejects.toThrow()
  chat.release()
  expect(textOf(await allEvents(await fetch(events)))).toBe('One two three')
})

it('holds until it is released, or until the answer is asked for now', async () => {
  const script: Script = () => [
    ...words('reasoning_content', 'Hm'),
    'hold',
    ...words('reasoning_content', ' hm'),
    ...words('content', 'Yes.'),
    { finish: 'stop' },
  ]
  const response = await ask(script)
  const events = readEvents(response)
  await events.next()
  const post = { method: 'POST' }
  const answer = await fetch(`${chat.url}/v1/chat/completions/chatcmpl-0/answer`, post)
  expect(await answer.json()).toEqual({ id: 'chatcmpl-0', answering: true })
  const rest: string[] = []
  for await (const data of events) rest.push(data)
  expect(rest.join()).not.toContain(' hm')
  expect(textOf(rest)).toBe('Yes.')
  expect(chat.answered).toEqual(['chatcmpl-0'])
})

it('fails with a status before its first chunk, with an event behind it', async () => {
  const error = new ApiError(429, 'queue_full', 'Busy.', { headers: { 'Retry-After': '3' } })
  const refused = await ask(() => [error])
  expect(refused.status).toBe(429)
  expect(refused.headers.get('Retry-After')).toBe('3')
  await chat.stop()
  const events = await allEvents(await ask(() => [...words('content', 'One'), error]))
  expect(JSON.parse(events.at(-1)!).error.code).toBe('queue_full')
})

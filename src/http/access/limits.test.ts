import { createHash } from 'node:crypto'
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startScriptedOrigin } from '../../../test/origins/origin-app.ts'
import { fakeApp, HELLO, readEvents } from '../../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../../test/support/fake-model.ts'
import { memorySql } from '../../../test/support/memory-sql.ts'
import { GenerationQueue } from '../../generate/queue.ts'
import { EdgeService } from '../../route/open-service.ts'
import { createApp } from '../app.ts'
import { SAVE_MS } from './account.ts'
import type { ApiKey } from './api-keys.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The app for a key of these limits, and one without. */
function limitedApp(limits: Partial<ApiKey>, answer: string | FakeModel = 'Hello there!', sql = memorySql()) {
  const keys = [
    { name: 'limited', sha256: sha256('limited'), ...limits },
    { name: 'free', sha256: sha256('free') },
  ]
  const chat = fakeChat(typeof answer === 'string' ? new FakeModel(answer) : answer)
  const access = { apiKeys: JSON.stringify(keys), sql }
  return createApp({ model: async () => chat, health: () => ({}), access })
}

type App = ReturnType<typeof limitedApp>

const ask = (app: App, fields: object = {}, key = 'limited', path = '/v1/chat/completions') =>
  Promise.resolve(
    app.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
      body: JSON.stringify({ ...HELLO, ...fields }),
    }),
  )

/** Of a prompt and its whole answer. */
async function cost(): Promise<{ prompt: number; answer: number }> {
  const { usage } = (await (await ask(limitedApp({}))).json()) as OpenAI.ChatCompletion
  return { prompt: usage!.prompt_tokens, answer: usage!.completion_tokens }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 26, 12) }))
afterEach(() => void vi.useRealTimers())

describe('a key', () => {
  it('may make so many requests a minute, others of its server meanwhile as many as they like', async () => {
    const app = limitedApp({ requestsPerMinute: 2 })
    const [first, second, third] = [await ask(app), await ask(app), await ask(app)]
    expect([first.status, second.status, third.status]).toEqual([200, 200, 429])
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2')
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect(first.headers.get('x-ratelimit-reset-requests')).toBe('30s')
    expect(third.headers.get('Retry-After')).toBe('30')
    expect(third.headers.get('x-ratelimit-remaining-requests')).toBeNull()
    expect(await third.json()).toEqual({
      error: {
        message: 'You may have 2 requests a minute, and they are spent. Try again in 30 seconds.',
        type: 'rate_limit_error',
        param: null,
        code: 'rate_limit_exceeded',
      },
    })
    expect((await ask(app, {}, 'free')).status).toBe(200)
    // What ends an answer, and what is read, is not counted.
    const headers = { Authorization: 'Bearer limited' }
    expect((await app.request('/v1/models', { headers })).status).toBe(200)
    expect((await app.request('/v1/chat/completions/none/cancel', { method: 'POST', headers })).status).toBe(404)
    vi.setSystemTime(Date.now() + 30_000)
    expect((await ask(app)).status).toBe(200)
  })

  it('may have so many tokens a minute, of prompts and answers', async () => {
    const { prompt, answer } = await cost()
    const app = limitedApp({ tokensPerMinute: 600 })
    const first = await ask(app)
    expect(first.headers.get('x-ratelimit-remaining-tokens')).toBe(String(600 - prompt))
    await first.text()
    const second = await ask(app)
    expect(second.headers.get('x-ratelimit-remaining-tokens')).toBe(String(600 - 2 * prompt - answer))
    await second.text()
    while ((await ask(app)).status === 200);
    const refused = await ask(app)
    expect(refused.status).toBe(429)
    vi.setSystemTime(Date.now() + 1000 * Number(refused.headers.get('Retry-After')))
    expect((await ask(app)).status).toBe(200)
  })

  it.for(['/v1/chat/completions', '/v1/responses'])('is told in a stream of %s when its day is over', async (path) => {
    const { prompt } = await cost()
    const sql = memorySql()
    const app = () => limitedApp({ tokensPerDay: prompt + 5 }, 'A very long answer, of many tokens.', sql)
    const body = path.endsWith('responses') ? { input: 'Hello?', store: false, messages: undefined } : {}
    const response = await ask(app(), { stream: true, ...body }, 'limited', path)
    expect(response.status).toBe(200)
    const events: string[] = []
    for await (const data of readEvents(response)) events.push(data)
    const failure = events.findLast((data) => data !== '[DONE]')!
    expect(failure).toContain('rate_limit_exceeded')
    expect(failure).toContain(`You may have ${prompt + 5} tokens a day, and they are spent.`)
    // Another object, that has read what was spent.
    const next = await ask(app())
    expect([next.status, next.headers.get('Retry-After')]).toEqual([429, String(12 * 3600)])
    vi.setSystemTime(Date.UTC(2026, 10, 27))
    expect((await ask(app(), { max_tokens: 2 })).status).toBe(200)
  })

  it('has spent what it has spent when its server comes back, with what answers under way have taken', async () => {
    const sql = memorySql()
    const app = () => limitedApp({ requestsPerMinute: 2, tokensPerDay: 100_000 }, 'A long answer. '.repeat(1000), sql)
    const first = app()
    const stream = await ask(first, { stream: true })
    const reader = stream.body!.getReader()
    while (!new TextDecoder().decode((await reader.read()).value).includes('"content":"A'));
    await ask(first, { messages: [] })
    expect((await ask(first)).status).toBe(429)
    const written = () => sql.exec('SELECT id FROM accounts').toArray()
    await expect.poll(written, { timeout: 5 * SAVE_MS }).toEqual([{ id: 'key limited' }])
    // Another object, as after a move in the midst of the answer.
    expect((await ask(app())).status).toBe(429)
    vi.setSystemTime(Date.now() + 60_000)
    const { headers } = await ask(app(), { messages: [] })
    expect(Number(headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(100_000 - (await cost()).prompt)
    await reader.cancel()
  })

  it('pays nothing for a prompt that is longer than what is left of its day', async () => {
    const { prompt } = await cost()
    const app = limitedApp({ tokensPerDay: prompt })
    expect((await ask(app)).status).toBe(429)
    expect((await ask(app, { messages: [{ role: 'user', content: '' }], max_tokens: 1 })).status).toBe(200)
  })

  it('may have so many answers at once', async () => {
    const model = new FakeModel('Hello there!')
    const app = limitedApp({ streams: 1 }, model)
    const held = Promise.withResolvers<void>()
    model.beforeDecode = () => held.promise
    const stream = await ask(app, { stream: true })
    const refused = await ask(app)
    held.resolve()
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '5'])
    expect(((await refused.json()) as { error: { message: string } }).error.message).toMatch(/^1 answers of yours/)
    await stream.text()
    for (const bad of [{ messages: [] }, { logit_bias: { 99999: 1 } }, { model: 'none' }]) await ask(app, bad)
    expect((await ask(app)).status).toBe(200)
  })

  it('may be kept from the origins', async () => {
    const origin = await startScriptedOrigin('From the origin.')
    try {
      const model = new FakeModel('From the edge.')
      const queue = new GenerationQueue()
      const service = new EdgeService(
        { ORIGINS: JSON.stringify([{ name: 'gpu', kind: 'vllm', model: 'm', url: origin.url }]) },
        queue,
      )
      const keys = [
        { name: 'limited', sha256: sha256('limited'), origins: false },
        { name: 'free', sha256: sha256('free') },
      ]
      const app = createApp({
        model: async () => fakeChat(model),
        health: () => ({}),
        service: (chat) => service.open(chat.tokenizer),
        access: { apiKeys: JSON.stringify(keys) },
      })
      const answerOf = async (key: string) => {
        const { choices, usage } = (await (await ask(app, { model: 'fake-model:origin' }, key)).json()) as {
          choices: { message: { content: string } }[]
          usage: { nanbeige: object }
        }
        return [choices[0].message.content, usage.nanbeige]
      }
      expect(await answerOf('limited')).toEqual(['From the edge.', expect.objectContaining({ reason: 'no-origin' })])
      expect(await answerOf('free')).toEqual(['From the origin.', expect.objectContaining({ reason: 'asked-for' })])
    } finally {
      await origin.stop()
    }
  })
})

it("OpenAI's client waits as it is told to", async () => {
  vi.useRealTimers()
  // A request comes back each 60 ms.
  const app = limitedApp({ requestsPerMinute: 1000 })
  const client = new OpenAI({
    apiKey: 'limited',
    baseURL: 'http://localhost/v1',
    fetch: async (url, init) => app.request(new Request(url as string, init)),
  })
  const answers = Array.from({ length: 3 }, () => client.chat.completions.create(HELLO as never))
  for (const { choices } of await Promise.all(answers)) expect(choices[0].message.content).toBe('Hello there!')
  expect(await fakeApp().request('/v1/models')).toMatchObject({ status: 200 })
})
